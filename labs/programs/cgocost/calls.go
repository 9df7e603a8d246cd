package main

/*
#include <stdlib.h>

// Not inlined, so that the thousand below are calls, too.
static __attribute__((noinline)) int add(int a, int b) {
	__asm__ volatile("");
	return a + b;
}

static int thousand(int a) {
	for (int i = 0; i < 1000; i++)
		a = add(a, 2);
	return a;
}

static void malloc_free(size_t size) {
	void *block = malloc(size);
	__asm__ volatile("" : : "r"(block) : "memory");
	free(block);
}
*/
import "C"

func cAdd(a, b int) int {
	return int(C.add(C.int(a), C.int(b)))
}

func cThousand(a int) int {
	return int(C.thousand(C.int(a)))
}

func mallocFree(size int) {
	C.malloc_free(C.size_t(size))
}
