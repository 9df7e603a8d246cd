package main

import (
	"fmt"
	"io"
	"net"
	"os"
)

// serve is the framework's part: see service.go.
func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go serve(listener)
	fmt.Println("ready", listener.Addr())
	io.Copy(io.Discard, os.Stdin)
}
