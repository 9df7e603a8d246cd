// Program netuser imports net and os/user and uses both without touching the network. These two
// packages of the standard library bring cgo, and with it the C library, into a program that
// holds no line of C.
package main

import (
	"fmt"
	"net"
	"os"
	"os/user"
)

func main() {
	me, err := user.Current()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(me.Uid, net.ParseIP("127.0.0.1").IsLoopback())
}
