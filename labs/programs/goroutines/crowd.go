package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

// crowd starts n goroutines that all wait for the same thing, says how long that took in ns and how
// many there are, and keeps them until it is told to end.
func crowd(n int) {
	var here sync.WaitGroup
	here.Add(n)
	never := make(chan struct{})
	begin := time.Now()
	for i := 0; i < n; i++ {
		go func() {
			here.Done()
			<-never
		}()
	}
	here.Wait()
	took := time.Since(begin)
	fmt.Println("ready", took.Nanoseconds(), runtime.NumGoroutine()-1)
	untilTold()
}
