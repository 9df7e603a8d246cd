// Program escapes has functions of which the compiler says, with -gcflags=-m, whether what they make
// may stay on the stack; run, it prints for each how many objects on the heap a call makes.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
)

type point struct{ x, y int }

var kept *point

// stays: nobody sees the point after the call.
//
//go:noinline
func stays(n int) int {
	p := &point{n, n}
	p.x++
	return p.x + p.y
}

// leaves: the caller gets the point.
//
//go:noinline
func leaves(n int) *point {
	return &point{n, n}
}

// printed: the point is handed to a function by way of an interface, and nobody keeps it.
//
//go:noinline
func printed(w io.Writer, n int) {
	fmt.Fprint(w, &point{n, n})
}

// sized: nobody sees the bytes after the call, but only the call knows how many there are.
//
//go:noinline
func sized(n int) byte {
	bytes := make([]byte, n)
	for i := range bytes {
		bytes[i] = byte(i)
	}
	return bytes[n-1]
}

// method: nobody keeps the bytes, but whose Write it is that gets them is known only at run time.
//
//go:noinline
func method(w io.Writer) int {
	var bytes [16]byte
	n, _ := w.Write(bytes[:])
	return n
}

// store changes a pointer on the heap: this is what the write barrier is for.
//
//go:noinline
func store(place **point, value *point) {
	*place = value
}

func objects(call func()) uint64 {
	const calls = 1000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := 0; i < calls; i++ {
		call()
	}
	runtime.ReadMemStats(&after)
	return (after.Mallocs - before.Mallocs + calls/2) / calls
}

func main() {
	w := io.Discard
	if len(os.Args) > 2 {
		w = os.Stderr
	}
	n := 16
	if len(os.Args) > 1 {
		n, _ = strconv.Atoi(os.Args[1])
	}
	fmt.Println("stays", objects(func() { stays(n) }))
	fmt.Println("leaves", objects(func() { kept = leaves(n) }))
	fmt.Println("printed", objects(func() { printed(w, n) }))
	fmt.Println("sized", objects(func() { sized(n) }))
	fmt.Println("method", objects(func() { method(w) }))
	store(&kept, &point{})
}
