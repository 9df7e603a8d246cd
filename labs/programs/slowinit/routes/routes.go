// Package routes compiles its patterns when the program starts, as many packages do.
package routes

import "regexp"

var patterns = map[string]*regexp.Regexp{
	"user":    regexp.MustCompile(`^/users/(?P<id>[0-9]+)$`),
	"article": regexp.MustCompile(`^/articles/(?P<year>[0-9]{4})/(?P<name>[a-z0-9-]+)$`),
	"image":   regexp.MustCompile(`^/images/(?P<name>[^/]+)\.(png|jpe?g|webp)$`),
	"search":  regexp.MustCompile(`^/search\?q=(?P<words>.+)$`),
	"mail":    regexp.MustCompile(`^[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}$`),
}

// Match returns the name of the pattern that fits a path, "nothing" where none does.
func Match(path string) string {
	for name, pattern := range patterns {
		if pattern.MatchString(path) {
			return name
		}
	}
	return "nothing"
}
