//go:build !go1.25

package early

import (
	"os"
)

// startFlight says that this release has no flight recorder.
func startFlight() func() {
	os.Stderr.WriteString("the flight recorder came with Go 1.25\n")
	os.Exit(1)
	return nil
}
