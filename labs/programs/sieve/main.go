// Program sieve counts the primes below its argument, five times, and prints the ns of processor time
// that the fastest of them took, and the count.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"
)

func main() {
	n, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	runtime.LockOSThread()
	least, count := int64(1)<<62, 0
	for run := 0; run < 5; run++ {
		begin := now()
		count = primes(n)
		least = min(least, now()-begin)
	}
	fmt.Println(least, count)
}

func primes(n int) (count int) {
	composite := make([]bool, n)
	for i := 2; i < n; i++ {
		if composite[i] {
			continue
		}
		count++
		for j := i * i; j < n; j += i {
			composite[j] = true
		}
	}
	return count
}

// now returns the ns of processor time that this thread has had.
func now() int64 {
	const threadTime = 3 // CLOCK_THREAD_CPUTIME_ID
	var t syscall.Timespec
	_, _, failed := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadTime, uintptr(unsafe.Pointer(&t)), 0)
	if failed != 0 {
		fmt.Fprintln(os.Stderr, failed)
		os.Exit(1)
	}
	return t.Nano()
}
