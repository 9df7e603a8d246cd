// Program lookup asks for the addresses of a host and the number of a user, both named on its
// command line, and prints a line for each. Who answers, the C library or Go's own code, depends
// on how the program was built.
package main

import (
	"fmt"
	"net"
	"os"
	"os/user"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: lookup HOST USER")
		os.Exit(2)
	}
	addresses, err := net.LookupHost(os.Args[1])
	say("host", addresses, err)
	who, err := user.Lookup(os.Args[2])
	if err != nil {
		say("user", nil, err)
		return
	}
	say("user", who.Uid, nil)
}

func say(what string, answer any, err error) {
	if err != nil {
		answer = err
	}
	fmt.Println(what, answer)
}
