// Program selfnames tells what a running program knows about itself: the name, file and line of its
// own function, and a variable that the linker can set (-ldflags=-X=main.version=...). Asked to, it
// panics, profiles itself, or waits. It shows what stripping takes away and what it leaves.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"
)

var version = "unset"

func main() {
	if len(os.Args) == 3 && os.Args[1] == "profile" {
		profile(os.Args[2])
		return
	}
	fmt.Println(whereAmI(len(os.Args)))
	if len(os.Args) == 2 {
		switch os.Args[1] {
		case "panic":
			explode(len(os.Args))
		case "wait":
			io.Copy(io.Discard, os.Stdin)
		}
	}
}

//go:noinline
func whereAmI(arguments int) (name, place, set string) {
	pc, _, _, _ := runtime.Caller(0)
	function := runtime.FuncForPC(pc)
	file, line := function.FileLine(pc)
	return function.Name(), fmt.Sprintf("%s:%d", filepath.Base(file), line), version
}

//go:noinline
func explode(index int) {
	var none []int
	fmt.Println(none[index])
}

// profile writes what the runtime's own profiler saw of a fifth of a second of work.
func profile(file string) {
	out, err := os.Create(file)
	if err == nil {
		err = pprof.StartCPUProfile(out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); {
		burn(1 << 20)
	}
	pprof.StopCPUProfile()
	out.Close()
}

//go:noinline
func burn(steps uint64) (sum uint64) {
	for i := uint64(0); i < steps; i++ {
		sum = sum*6364136223846793005 + i
	}
	return sum
}
