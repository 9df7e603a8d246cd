// Package clock keeps time stamps in CLOCK_MONOTONIC, the clock of whoever started the program.
package clock

import (
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

const monotonic = 1 // CLOCK_MONOTONIC of clock_gettime(2)

var (
	names [16]string
	times [16]int64
	count int
)

// Now returns nanoseconds.
func Now() int64 {
	var t syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, monotonic, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

// Stamp remembers the time under a name.
func Stamp(name string) {
	names[count], times[count] = name, Now()
	count++
}

// Print writes all stamps to standard output.
func Print() {
	var text []byte
	for i, name := range names[:count] {
		text = append(text, name+" "+strconv.FormatInt(times[i], 10)+"\n"...)
	}
	os.Stdout.Write(text)
}
