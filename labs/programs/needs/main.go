// Program needs asks the standard library for things that lie outside of the program's own file,
// and prints a line for each: what it is, and the answer or the error.
package main

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"time"
)

func main() {
	say := func(what string, answer any, err error) {
		if err != nil {
			answer = fmt.Sprint("error: ", err)
		}
		fmt.Printf("%s\t%v\n", what, answer)
	}

	random := make([]byte, 16)
	count, err := rand.Read(random)
	say("random numbers", fmt.Sprint(count, " bytes"), err)

	zone, err := time.LoadLocation("Europe/Berlin")
	say("a time zone", zone, err)

	me, err := user.LookupId("0")
	if err == nil {
		say("a user's name", me.Username, nil)
	} else {
		say("a user's name", nil, err)
	}

	found, err := net.LookupHost("localhost")
	say("the address of localhost", len(found) > 0, err)

	// The first use of the roots loads them; verifying nothing tells whether there are any.
	roots, err := x509.SystemCertPool()
	if err == nil && roots.Equal(x509.NewCertPool()) {
		err = fmt.Errorf("no certificate found")
	}
	say("certificates for TLS", "found", err)

	file, err := os.CreateTemp("", "needs")
	if err == nil {
		defer os.Remove(file.Name())
	} else if where := (*os.PathError)(nil); errors.As(err, &where) {
		err = fmt.Errorf("in %s: %w", os.TempDir(), where.Err) // its name differs each time
	}
	say("a temporary file", "made", err)

	_, err = exec.LookPath("sh")
	say("a shell", "found", err)

	_, err = os.Executable()
	say("the path of its own file", "known", err)
}
