// Package hot has a function that is too large to be inlined, and called all the time.
package hot

var cells [64]int

// Work calls mix as often as it is told.
func Work(times int) int {
	sum := 0
	for i := 0; i < times; i++ {
		sum += mix(i)
	}
	return sum
}

func mix(number int) int {
	number ^= cells[number&1]
	number += cells[number&3]
	number ^= cells[number&5]
	number += cells[number&7]
	number ^= cells[number&9]
	number += cells[number&11]
	number ^= cells[number&13]
	number += cells[number&15]
	number ^= cells[number&17]
	number += cells[number&19]
	number ^= cells[number&21]
	number += cells[number&23]
	return number
}
