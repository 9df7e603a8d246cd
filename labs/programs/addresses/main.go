// Program addresses prints where its parts lie in memory: code, data, heap, and the stack that the
// kernel made. Some of these addresses differ from start to start, others never do.
package main

import (
	"fmt"
	"os"
	"reflect"
	"unsafe"
)

var data = 1

func main() {
	heap := new([1 << 16]byte)
	fmt.Printf("code %#x\n", reflect.ValueOf(main).Pointer())
	fmt.Printf("data %p\n", &data)
	fmt.Printf("heap %p\n", heap)
	// A goroutine's stack lies on Go's heap; the kernel's own stack holds the arguments.
	fmt.Printf("stack %p\n", unsafe.StringData(os.Args[0]))
}
