// Package parts calls what runtime.cgocall is made of (runtime/cgocall.go): before C it tells the
// scheduler that this thread is away, as for a system call, and after it that it is back. The
// runtime lets both be called by name (runtime/proc.go).
package parts

import _ "unsafe" // for go:linkname

//go:linkname entersyscall runtime.entersyscall
func entersyscall()

//go:linkname exitsyscall runtime.exitsyscall
func exitsyscall()

// EnterExit leaves the scheduler and comes back at once. In between no stack may grow.
//
//go:nosplit
//go:noinline
func EnterExit() {
	entersyscall()
	exitsyscall()
}
