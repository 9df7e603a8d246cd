// Program empty does nothing: what remains of its start belongs to the kernel and the Go runtime.
package main

func main() {}
