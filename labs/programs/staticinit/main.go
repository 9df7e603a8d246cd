// Program staticinit has package variables of eleven kinds. Which of them are ready in the file,
// and which does an init function fill in at every start?
package main

import (
	"errors"
	"os"

	"golab/staticinit/routes"
)

type route struct {
	path  string
	codes []int
}

func double(number int) int { return 2 * number }

//go:noinline
func far(number int) int { return 2 * number }

func total(numbers ...int) int {
	sum := 0
	for _, number := range numbers {
		sum += number
	}
	return sum
}

var (
	constant = 6 * 7
	array    = [4]int{1, 2, 3, 4}
	slice    = []route{{"/", []int{200}}, {"/health", []int{200, 503}}}
	pointer  = &route{path: "/"}
	closure  = func() int { return constant }
	inlined  = double(21)
	called   = far(21)
	problem  = errors.New("no such route")
	loop     = total(1, 2, 3)
	byName   = map[string]int{"red": 1, "green": 2}
	home     = os.Getenv("HOME")
)

func main() {
	println(constant, array[1], len(slice), pointer.path, closure(), inlined, called)
	println(problem.Error(), loop, len(byName), home, routes.Match("/users/7"))
}
