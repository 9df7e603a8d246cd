package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// down calls itself so many times, each call with some bytes of its own on the stack, and then
// calls bottom.
//
//go:noinline
func down(calls int, bottom func()) byte {
	var own [128]byte
	own[calls%128] = byte(calls)
	if calls == 0 {
		bottom()
		return own[0]
	}
	return down(calls-1, bottom) + own[calls%128]
}

// stackBytes returns how many bytes are in use for stacks of goroutines.
func stackBytes() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.StackInuse
}

// A group is goroutines that wait at the bottom of as many calls as they were started with, come
// up when up is closed, wait there, and end when end is closed.
type group struct {
	up, end chan struct{}
	ready   chan bool
}

// start starts n goroutines, each when the one before it waits.
func start(n, calls int) group {
	g := group{make(chan struct{}), make(chan struct{}), make(chan bool)}
	for i := 0; i < n; i++ {
		go func() {
			down(calls, func() {
				g.ready <- true
				<-g.up
			})
			g.ready <- true
			<-g.end
		}()
		<-g.ready
	}
	return g
}

func (g group) comeUp(n int) {
	close(g.up)
	for i := 0; i < n; i++ {
		<-g.ready
	}
}

// stacks prints the bytes of stack that a goroutine has at the bottom of so many calls; then what it
// has when it has come up again, and after each of some collections.
func stacks(n, calls int) {
	debug.SetGCPercent(-1)
	before := stackBytes()
	g := start(n, calls)
	fmt.Println("grown", calls, (stackBytes()-before)/uint64(n))
	g.comeUp(n)
	fmt.Println("shrunk", 0, (stackBytes()-before)/uint64(n))
	for cycle := 1; cycle <= 8; cycle++ {
		runtime.GC()
		fmt.Println("shrunk", cycle, (stackBytes()-before)/uint64(n))
	}
}

// adapt prints what stack each of n goroutines has that call nothing: when they are the first; and
// after a collection has met n others at the bottom of so many calls, when they take the places of
// goroutines that have ended.
func adapt(n, calls int) {
	debug.SetGCPercent(-1)
	before := stackBytes()
	first := start(n, 0)
	fmt.Println("first", 0, (stackBytes()-before)/uint64(n))
	start(n, calls)
	first.comeUp(n)
	close(first.end)
	for runtime.NumGoroutine() > n+1 {
		runtime.Gosched()
	}
	runtime.GC()
	runtime.GC()
	before = stackBytes()
	start(n, 0)
	fmt.Println("later", calls, (stackBytes()-before)/uint64(n))
}
