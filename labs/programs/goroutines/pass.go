package main

import (
	"fmt"
	"syscall"
	"time"
)

// pass lets two goroutines hand over to each other n times there and n times back, and prints the
// ns of one hand-over, and the context switches of the process meanwhile: voluntary, involuntary.
func pass(n int) {
	there, back := make(chan int), make(chan int)
	go func() {
		for i := range there {
			back <- i
		}
	}()
	voluntary, involuntary := switches()
	begin := time.Now()
	for i := 0; i < n; i++ {
		there <- i
		<-back
	}
	took := time.Since(begin)
	v, w := switches()
	fmt.Println(float64(took.Nanoseconds())/float64(max(2*n, 1)), v-voluntary, w-involuntary)
}

// switches returns the context switches of all threads of this process, getrusage(2).
func switches() (voluntary, involuntary int64) {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage.Nvcsw, usage.Nivcsw
}
