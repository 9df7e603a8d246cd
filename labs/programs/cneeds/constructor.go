//go:build cgo && constructor

package main

/*
static volatile int number = 0;

// Called before main, by the start-up code that a C linker puts into a program.
__attribute__((constructor)) static void prepare(void) {
	number = 42;
}

static int answer(void) {
	return number;
}
*/
import "C"

func answer() int {
	return int(C.answer())
}
