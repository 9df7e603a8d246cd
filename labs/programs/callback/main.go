// Program callback goes from Go to C and back to Go: main lets walk, in C, call an exported Go
// function for each number, and prints their sum. With an argument that function panics, so that
// the trace shows a stack through both languages.
package main

// #include "walk.h"
import "C"

import (
	"fmt"
	"os"
)

//export goCallback
func goCallback(number C.int) C.int {
	if len(os.Args) > 1 {
		panic("called back from C")
	}
	return 2 * number
}

func main() {
	fmt.Println(C.walk(6))
}
