//go:build cgo && threads

package main

/*
#include <pthread.h>

static void *work(void *number) {
	*(int *)number = 42;
	return number;
}

// A thread of its own.
static int answer(void) {
	int number = 0;
	pthread_t thread;
	pthread_create(&thread, NULL, work, &number);
	pthread_join(thread, NULL);
	return number;
}
*/
import "C"

func answer() int {
	return int(C.answer())
}
