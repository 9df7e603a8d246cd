// Program pgo calls one function all the time, and writes a profile of that to the file it is given:
// what a compiler needs for profile-guided optimisation.
package main

import (
	"fmt"
	"os"
	"runtime/pprof"
	"time"

	"golab/pgo/hot"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Println(hot.Work(1))
		return
	}
	if err := profile(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func profile(name string) error {
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	for end := time.Now().Add(400 * time.Millisecond); time.Now().Before(end); {
		hot.Work(1 << 16)
	}
	return nil
}
