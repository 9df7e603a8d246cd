// Package cpu samples the program a hundred times a second: from its init on, or when main asks.
package cpu

import (
	"os"
	"runtime/pprof"

	"golab/tracedmain/clock"
)

var on bool

func init() { Start("init") }

// Start begins the profile if the first argument names this place.
func Start(place string) {
	if len(os.Args) < 2 || os.Args[1] != place+"-profile" {
		return
	}
	if err := pprof.StartCPUProfile(os.Stderr); err != nil {
		panic(err)
	}
	on = true
	clock.Stamp("instrument on")
}

// Stop ends it, and writes it to standard error.
func Stop() {
	if !on {
		return
	}
	clock.Stamp("instrument off")
	pprof.StopCPUProfile()
}
