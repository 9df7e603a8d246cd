//go:build cgo && lto

package main

/*
#cgo CFLAGS: -flto

// Compiled to the intermediate code of the compiler, not to machine code.
static int answer(void) {
	return 42;
}
*/
import "C"

func answer() int {
	return int(C.answer())
}
