// Program unitcosts times single things of which a start has many: CPUID, which a virtual machine
// has to leave to its host; RDTSC, an instruction of about the same work that it need not; the first
// touch of a fresh page; and a system call that does nothing. Each line that it prints is one batch:
// the name, and the nanoseconds that one of it took.
package main

import (
	"fmt"
	"syscall"
	"time"
)

const (
	batches = 60
	each    = 16
	page    = 4096
)

// Both execute their instruction so many times in a row (unitcosts_amd64.s).
func cpuid(times int)
func rdtsc(times int)

func main() {
	// Small pages only, each of them still missing: the kernel is told not to merge any.
	memory, err := syscall.Mmap(-1, 0, (batches+1)*each*page,
		syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		panic(err)
	}
	const noHugePages = 15 // MADV_NOHUGEPAGE; a kernel without huge pages refuses it
	_ = syscall.Madvise(memory, noHugePages)
	touch := func(times int) {
		for done := 0; done < times; done++ {
			memory[0] = 1
			memory = memory[page:]
		}
	}
	getppid := func(times int) {
		for done := 0; done < times; done++ {
			_, _, _ = syscall.RawSyscall(syscall.SYS_GETPPID, 0, 0, 0)
		}
	}
	report("CPUID", cpuid)
	report("RDTSC", rdtsc)
	report("page fault", touch)
	report("system call", getppid)
}

func report(name string, do func(times int)) {
	do(each) // the code itself has to be there, too
	var took [batches]float64
	for batch := range took {
		begin := time.Now()
		do(each)
		took[batch] = float64(time.Since(begin).Nanoseconds()) / each
	}
	for _, ns := range took {
		fmt.Printf("%s\t%.1f\n", name, ns)
	}
}
