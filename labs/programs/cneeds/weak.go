//go:build cgo && weak

package main

/*
// A function that may be missing: its address is then null.
extern int optional(void) __attribute__((weak));

static int answer(void) {
	return optional ? optional() : 42;
}
*/
import "C"

func answer() int {
	return int(C.answer())
}
