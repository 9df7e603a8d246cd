// Program mistakes makes one of two mistakes, by its argument: it reads past the end of a slice, or
// lets two goroutines write to one map. The files beside it do the same in Rust.
package main

import "os"

func main() {
	if len(os.Args) > 1 && os.Args[1] == "map" {
		twoWriters()
	} else {
		pastTheEnd()
	}
}

func pastTheEnd() {
	numbers := []int{1, 2, 3}
	println(numbers[len(os.Args)+1])
}

func twoWriters() {
	shared := map[int]int{}
	write := func() {
		for i := 0; i < 50_000_000; i++ { // an end, where the runtime notices nothing
			shared[1]++
		}
	}
	go write()
	write()
}
