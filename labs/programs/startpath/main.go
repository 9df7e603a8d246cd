// Program startpath takes the shortest way from main to its real work, twice: once with a setting
// that the compiler can know, and once with one that it cannot.
package main

import (
	"golab/startpath/environment"
	"golab/startpath/fixed"
)

func main() {
	fixed.Start()
	environment.Start()
}
