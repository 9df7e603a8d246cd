//go:build cgo && threadlocal

package main

/*
// A variable that every thread has for itself.
static __thread volatile int number = 41;

static int answer(void) {
	return ++number;
}
*/
import "C"

func answer() int {
	return int(C.answer())
}
