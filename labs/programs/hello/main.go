// Program hello prints one line through fmt: the smallest program that people call a program.
package main

import "fmt"

func main() {
	fmt.Println("hello")
}
