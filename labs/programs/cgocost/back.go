package main

// void calls_back(int value);
import "C"

var received int

//export goReceive
func goReceive(value C.int) {
	received = int(value)
}

func callsBack(value int) {
	C.calls_back(C.int(value))
}
