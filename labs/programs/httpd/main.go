// Program httpd is a small net/http server whose readiness can be seen from outside: it prints
// "ready ADDRESS" once it listens, answers every request, and exits when its standard input ends.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "hello")
	}))
	fmt.Println("ready", listener.Addr())
	io.Copy(io.Discard, os.Stdin)
}
