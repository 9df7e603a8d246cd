// Package environment starts with a port that is not known before the program runs.
package environment

import "os"

// Start stands for main: from here to Serve is the start path.
//
//go:noinline
func Start() { Serve(configure()) }

func configure() string { return orElse("8080", fromEnvironment()) }

func fromEnvironment() string { return os.Getenv("PORT") }

func orElse(otherwise, port string) string {
	if port == "" {
		return otherwise
	}
	return port
}

// Serve stands for the first real work.
//
//go:noinline
func Serve(port string) {}
