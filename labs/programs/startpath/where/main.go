// Program where calls the same functions from init, from main and from elsewhere.
package main

var cells [64]int

func small(number int) int {
	number ^= cells[number&1]
	return number
}

func medium(number int) int {
	number ^= cells[number&1]
	number ^= cells[number&3]
	number ^= cells[number&5]
	number ^= cells[number&7]
	number ^= cells[number&9]
	return number
}

func large(number int) int {
	number ^= cells[number&1]
	number ^= cells[number&3]
	number ^= cells[number&5]
	number ^= cells[number&7]
	number ^= cells[number&9]
	number ^= cells[number&11]
	number ^= cells[number&13]
	number ^= cells[number&15]
	return number
}

func tooLarge(number int) int {
	number ^= cells[number&1]
	number ^= cells[number&3]
	number ^= cells[number&5]
	number ^= cells[number&7]
	number ^= cells[number&9]
	number ^= cells[number&11]
	number ^= cells[number&13]
	number ^= cells[number&15]
	number ^= cells[number&17]
	number ^= cells[number&19]
	number ^= cells[number&21]
	number ^= cells[number&23]
	return number
}

func init() {
	cells[0] = small(0)
	cells[1] = medium(1)
	cells[2] = large(2)
	cells[3] = tooLarge(3)
}

func main() {
	cells[0] = small(0)
	cells[1] = medium(1)
	cells[2] = large(2)
	cells[3] = tooLarge(3)
	elsewhere()
}

//go:noinline
func elsewhere() {
	cells[0] = small(0)
	cells[1] = medium(1)
	cells[2] = large(2)
	cells[3] = tooLarge(3)
}
