// Program cgomemory tries what may be said about memory that C and Go share. Each line that it
// prints is a name, a tab and a value. Its argument says what to try: where, cross, pointer, scan,
// twice, or `leak HOW BLOCKS`, in which HOW is keep, free or finalizer.
package main

// #include "cgo_export.h"
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
	"unsafe"
)

var goGlobal int32 = 1

func init() {
	runtime.LockOSThread() // glibc gives each thread but the first a heap of its own
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: cgomemory where|cross|pointer|scan|twice|leak HOW BLOCKS")
		os.Exit(2)
	}
	switch os.Args[1] {
	case "where":
		where()
	case "cross":
		cross()
	case "pointer":
		pointer()
	case "scan":
		scan()
	case "twice":
		block := C.safe_malloc(64)
		C.free(block)
		C.free(block)
		tell("ended", "as if nothing had happened")
	case "leak":
		blocks, _ := strconv.Atoi(os.Args[3])
		leak(os.Args[2], blocks)
	}
}

func tell(name string, value any) {
	fmt.Printf("%s\t%v\n", name, value)
}

// where tells in which part of this process's address space things lie.
func where() {
	var onStack int32
	onHeap := new([1 << 16]byte)
	block := C.safe_malloc(64)
	regions := readMaps()
	for _, thing := range []struct {
		name    string
		address uintptr
	}{
		{"C function", uintptr(C.c_function())},
		{"Go function", functionAddress(main)},
		{"C variable", uintptr(unsafe.Pointer(&C.c_global))},
		{"Go variable", uintptr(unsafe.Pointer(&goGlobal))},
		{"C stack", uintptr(C.on_the_c_stack())},
		{"goroutine stack", uintptr(unsafe.Pointer(&onStack))},
		{"block of malloc", uintptr(block)},
		{"object of Go", uintptr(unsafe.Pointer(onHeap))},
	} {
		tell(thing.name, regions.find(thing.address))
	}
	runtime.KeepAlive(onHeap)
	C.free(block)
}

// cross lets each language write to memory of the other, through addresses that hide from Go's
// rules what they are. A protection between them would end the program.
func cross() {
	var onStack int32
	onHeap := new(int32)
	block := (*int32)(C.safe_malloc(4))
	C.poke(C.uintptr_t(uintptr(unsafe.Pointer(&onStack))), 42)
	tell("C writes to a goroutine's stack", onStack)
	C.poke(C.uintptr_t(uintptr(unsafe.Pointer(onHeap))), 42)
	tell("C writes to Go's heap", *onHeap)
	C.poke(C.uintptr_t(uintptr(unsafe.Pointer(&goGlobal))), 42)
	tell("C writes to a Go variable", goGlobal)
	C.c_global = 42
	tell("Go writes to a C variable", C.c_global)
	*block = 42
	tell("Go writes to a block of malloc", *block)
	C.free(unsafe.Pointer(block))
}

// pointer compares what C returned with what Go got.
func pointer() {
	block := C.safe_malloc(64)
	tell("type", fmt.Sprintf("%T", block))
	tell("the same address", block == C.last_block)
	C.free(block)
}

// scan tells whether an object that only one pointer leads to is kept: a pointer in C's memory, and
// one in Go's.
func scan() {
	var inC, inGo bool
	block := (*C.uintptr_t)(C.safe_malloc(8))
	holder := new(*[1024]byte)
	func() {
		first, second := new([1024]byte), new([1024]byte)
		runtime.SetFinalizer(first, func(*[1024]byte) { inC = true })
		runtime.SetFinalizer(second, func(*[1024]byte) { inGo = true })
		*block = C.uintptr_t(uintptr(unsafe.Pointer(first)))
		*holder = second
	}()
	collect()
	tell("collected while C points to it", inC)
	tell("collected while Go points to it", inGo)
	runtime.KeepAlive(holder)
	tell("C memory is unchanged", *block != 0)
}

const blockBytes = 64 << 10

type owner struct{ block unsafe.Pointer }

// leak takes blocks of malloc, writes to them, and forgets them: as they are (keep), after C.free
// (free), or in the hands of a Go object whose finalizer frees them (finalizer).
func leak(how string, blocks int) {
	collect()
	residentBefore := resident()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := 1; i <= blocks; i++ {
		block := C.safe_malloc(blockBytes)
		C.touch(block, blockBytes)
		switch how {
		case "free":
			C.free(block)
		case "finalizer":
			runtime.SetFinalizer(&owner{block}, func(o *owner) { C.free(o.block) })
			if i%64 == 0 {
				collect()
			}
		}
	}
	runtime.ReadMemStats(&after)
	tell("bytes asked of malloc", blocks*blockBytes)
	tell("collections of Go by itself", after.NumGC-after.NumForcedGC-before.NumGC+before.NumForcedGC)
	tell("growth of Go's memory", int64(after.Sys)-int64(before.Sys))
	collect()
	tell("growth of the resident set", resident()-residentBefore)
}

// collect runs Go's garbage collector and the finalizers of what it found.
func collect() {
	for i := 0; i < 2; i++ {
		runtime.GC()
		time.Sleep(2 * time.Millisecond)
	}
}
