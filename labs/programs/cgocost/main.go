// Program cgocost holds Go benchmarks of what a call costs: of a Go function, of a C function, of
// one that calls Go back, of malloc with free, and of the parts that a call of C is made of. It takes
// the flags of `go test`: -test.bench REGEXP, -test.count N, -test.benchtime D. It is a program and
// no test because `go test` builds no C of a test file.
package main

import (
	"regexp"
	"testing"

	"golab/cgocost/parts"
)

var sink int

//go:noinline
func goAdd(a, b int) int {
	return a + b
}

var benchmarks = []testing.InternalBenchmark{
	{Name: "BenchmarkGoCall", F: func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			sink = goAdd(i, 2)
		}
	}},
	{Name: "BenchmarkEnterExit", F: func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			parts.EnterExit()
		}
	}},
	{Name: "BenchmarkCCall", F: func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			sink = cAdd(i, 2)
		}
	}},
	{Name: "BenchmarkMallocFree", F: func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			mallocFree(64)
		}
	}},
	{Name: "BenchmarkCThousand", F: func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			sink = cThousand(i)
		}
	}},
	{Name: "BenchmarkCCallsGo", F: func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			callsBack(i)
		}
	}},
}

func main() {
	match := func(pattern, name string) (bool, error) {
		return regexp.MatchString(pattern, name)
	}
	testing.Main(match, nil, benchmarks, nil)
}
