// Program pprofserver imports net/http/pprof. With no argument that is all it does about it; with
// the argument "listen" it also serves what the import has registered: it prints "ready ADDRESS"
// once it listens, and exits when its standard input ends.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
)

func main() {
	if len(os.Args) != 2 || os.Args[1] != "listen" {
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go http.Serve(listener, nil)
	fmt.Println("ready", listener.Addr())
	io.Copy(io.Discard, os.Stdin)
}
