// Program cneeds prints the number that its C code gives: always 42. A build tag says what that C
// needs of a linker: libc, threads, threadlocal, constructor, weak, atexit or lto. Without a tag it
// needs nothing.
package main

import "fmt"

func main() {
	fmt.Println(answer())
}
