// Package routes compiles its pattern whenever the program starts.
package routes

import "regexp"

var pattern = regexp.MustCompile(`^/users/([0-9]+)$`)

// Match returns whether a path leads anywhere.
func Match(path string) bool { return pattern.MatchString(path) }
