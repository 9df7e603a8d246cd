//go:build ignore

// A C program around the Go code: its main calls the exported Go function by itself and by way of
// walk. It is linked with the archive that `go build -buildmode=c-archive -o libgo.a` makes.
#include "libgo.h"
#include <stdio.h>

int main(void) {
	printf("%d %d\n", goCallback(21), walk(6));
	return 0;
}
