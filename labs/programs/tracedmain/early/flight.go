//go:build go1.25

package early

import (
	"os"
	"runtime/trace"
)

// startFlight keeps the last moments of the execution trace in memory.
func startFlight() func() {
	recorder := trace.NewFlightRecorder(trace.FlightRecorderConfig{})
	check(recorder.Start())
	return func() {
		_, err := recorder.WriteTo(os.Stderr)
		check(err)
		recorder.Stop()
	}
}
