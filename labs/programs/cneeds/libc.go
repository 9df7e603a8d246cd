//go:build cgo && libc

package main

/*
#include <stdio.h>
#include <stdlib.h>

// Functions and a variable of the C library.
static int answer(void) {
	char *text = malloc(16);
	snprintf(text, 16, "%d", stderr ? 42 : 0);
	int number = atoi(text);
	free(text);
	return number;
}
*/
import "C"

func answer() int {
	return int(C.answer())
}
