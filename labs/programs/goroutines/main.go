// Program goroutines makes crowds of them, lets their stacks grow, and lets two of them hand over to
// each other. Its first argument says what; numbers follow. It prints a line for each figure.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
)

func main() {
	if len(os.Args) < 2 {
		os.Exit(2)
	}
	var numbers []int
	for _, text := range os.Args[2:] {
		n, err := strconv.Atoi(text)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		numbers = append(numbers, n)
	}
	switch os.Args[1] {
	case "crowd":
		crowd(numbers[0])
	case "stacks":
		stacks(numbers[0], numbers[1])
	case "adapt":
		adapt(numbers[0], numbers[1])
	case "pass":
		pass(numbers[0])
	case "caches":
		caches()
	}
}

// caches prints how many Ps there are, and the bytes of their caches for allocating; then, for some
// sizes of objects, how many were made, and how many pages at most came new for them.
func caches() {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fmt.Println(runtime.GOMAXPROCS(0), before.MCacheInuse)
	debug.SetGCPercent(-1)
	const objects = 100_000
	for _, size := range []int{16, 64, 256, 1024} {
		kept := make([][]byte, objects)
		runtime.ReadMemStats(&before)
		for i := range kept {
			kept[i] = make([]byte, size)
		}
		runtime.ReadMemStats(&after)
		fmt.Println(size, objects, (after.HeapInuse-before.HeapInuse)/8192)
		runtime.KeepAlive(kept)
	}
}

// untilTold returns when standard input has ended.
func untilTold() {
	io.Copy(io.Discard, os.Stdin)
}
