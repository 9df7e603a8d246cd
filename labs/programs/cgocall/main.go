// Program cgocall prints the sum of two numbers that add computes: in C where cgo is on, in Go
// where it is off or where the tag purego asks for it. It shows what one line of C costs a start.
package main

import "fmt"

func main() {
	fmt.Println(add(40, 2))
}
