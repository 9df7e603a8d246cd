// Package tables computes in its init: primes, for two milliseconds by the clock.
package tables

import "golab/tracedmain/clock"

// Primes are as many as there was time for.
var Primes = []int{2}

func init() {
	clock.Stamp("tables begins")
	for end := clock.Now() + 2e6; clock.Now() < end; {
		next()
	}
	clock.Stamp("tables ends")
}

//go:noinline
func next() {
	for n := Primes[len(Primes)-1] + 1; ; n++ {
		if isPrime(n) {
			Primes = append(Primes, n)
			return
		}
	}
}

func isPrime(n int) bool {
	for _, p := range Primes {
		if p*p > n {
			break
		}
		if n%p == 0 {
			return false
		}
	}
	return true
}
