// Program gmp says what the scheduler has when main begins, as far as a program can ask. Given the
// word "panic" it dies instead: with GOTRACEBACK=system the last thing it writes is a list of all
// goroutines, those of the runtime included.
package main

import (
	"fmt"
	"os"
	"runtime"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "panic" {
		panic("asked to")
	}
	processors, goroutines := runtime.GOMAXPROCS(0), runtime.NumGoroutine()
	threads, _ := runtime.ThreadCreateProfile(nil)
	// Last, since it is a system call: the runtime may start a thread while one waits.
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("runtime.NumCPU", runtime.NumCPU())
	fmt.Println("runtime.GOMAXPROCS", processors)
	fmt.Println("runtime.NumGoroutine", goroutines)
	fmt.Println("runtime.ThreadCreateProfile", threads)
	fmt.Println("/proc/self/task", len(tasks))
}
