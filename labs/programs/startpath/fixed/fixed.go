// Package fixed starts with a port that stands in its source.
package fixed

// Start stands for main: from here to Serve is the start path.
//
//go:noinline
func Start() { Serve(configure()) }

func configure() int { return atLeast(1024, fromTable()) }

func fromTable() int { return 8080 }

func atLeast(least, port int) int {
	if port < least {
		return least
	}
	return port
}

// Serve stands for the first real work.
//
//go:noinline
func Serve(port int) {}
