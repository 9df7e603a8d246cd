// Package settings reads what the environment says.
package settings

import "os"

// Name is what the program calls itself.
var Name = name()

func name() string {
	if name := os.Getenv("SLOWINIT_NAME"); name != "" {
		return name
	}
	return "slowinit"
}
