// Package pool waits in its init, as for a database that takes its time to answer.
package pool

import (
	"context"
	"runtime/trace"
	"time"

	"golab/tracedmain/clock"
)

// Connections are those that were opened.
var Connections []string

func init() {
	clock.Stamp("pool begins")
	trace.Log(context.Background(), "pool", "connecting")
	time.Sleep(2 * time.Millisecond)
	Connections = append(Connections, "one")
	clock.Stamp("pool ends")
}
