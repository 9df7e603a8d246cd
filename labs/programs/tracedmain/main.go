// Program tracedmain is a start of which everything is known: two packages take their time before
// main, one by computing and one by waiting, and the program says when each part of it began and
// ended. Its first argument chooses the instrument that watches, and where it is switched on:
//
//	main-trace, main-profile     first thing in main
//	init-trace, init-profile     in the init of a package that main imports before all others
//	init-flight                  likewise, the flight recorder (Go 1.25 and later)
//	anything else, or nothing    no instrument
//
// What an instrument writes goes to standard error. The stamps go to standard output: a line each,
// "name nanoseconds" in CLOCK_MONOTONIC.
package main

import (
	"golab/tracedmain/early"

	"golab/tracedmain/cpu"

	"context"
	"runtime/trace"

	"golab/tracedmain/audit"
	"golab/tracedmain/clock"
	"golab/tracedmain/pool"
	"golab/tracedmain/tables"
)

func main() {
	clock.Stamp("main begins")
	early.Start("main")
	cpu.Start("main")
	mark("in main")
	trace.WithRegion(context.Background(), "serve", serve)
	cpu.Stop()
	early.Stop()
	clock.Stamp("main ends")
	clock.Print()
}

// mark is so small that the compiler puts it into main.
func mark(place string) { trace.Log(context.Background(), "main", place) }

var served int

func serve() { served = audit.Lines + len(pool.Connections) + len(tables.Primes) }
