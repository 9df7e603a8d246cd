//go:build cgo && atexit

package main

/*
#include <stdlib.h>

static void tidy(void) {}

// A function of the part of glibc that is linked statically even into dynamic programs.
static int answer(void) {
	return atexit(tidy) ? 0 : 42;
}
*/
import "C"

func answer() int {
	return int(C.answer())
}
