// Package early starts an execution trace: in its init, or when main asks for it.
package early

import (
	"os"
	"runtime/trace"

	"golab/tracedmain/clock"
)

var stop func()

func init() { Start("init") }

// Start begins the trace or the flight recorder if the first argument names this place.
func Start(place string) {
	if len(os.Args) < 2 {
		return
	}
	switch os.Args[1] {
	case place + "-trace":
		check(trace.Start(os.Stderr))
		stop = trace.Stop
	case place + "-flight":
		stop = startFlight()
	default:
		return
	}
	clock.Stamp("instrument on")
}

// Stop ends it, and writes what it has to standard error.
func Stop() {
	if stop == nil {
		return
	}
	clock.Stamp("instrument off")
	stop()
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
