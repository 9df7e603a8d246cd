// Program maxprocs calls runtime.GOMAXPROCS with each of its arguments in turn, before main begins,
// and prints what each call took and left behind. Given "-touch" first, it fills 16 MB of the heap
// and lets them go, so that the calls find memory that the kernel has handed out already.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"syscall"
	"time"
)

// A call is what one call of runtime.GOMAXPROCS changed: bytes and objects on the heap, bytes of the
// caches that each processor has for allocating, page faults, collector cycles and pauses, and
// stops of the world that were not the collector's.
type call struct {
	asked, before, after int
	ns                   int64
	bytes, objects       uint64
	caches, faults       int64
	cycles               uint32
	pauses, stops        uint64
}

var calls []call

func init() {
	numbers := os.Args[1:]
	if len(numbers) > 0 && numbers[0] == "-touch" {
		touch()
		numbers = numbers[1:]
	}
	for _, text := range numbers {
		n, err := strconv.Atoi(text)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		calls = append(calls, one(n))
	}
}

func one(n int) call {
	var before, after runtime.MemStats
	stops := stopCounter()
	faults()
	stops()
	runtime.ReadMemStats(&before)
	c := call{asked: n, before: runtime.GOMAXPROCS(0)}
	stopped, missing := stops(), faults()
	start := time.Now()
	runtime.GOMAXPROCS(n)
	c.ns = time.Since(start).Nanoseconds()
	c.faults, c.stops = faults()-missing, stops()-stopped
	runtime.ReadMemStats(&after)
	c.after = runtime.GOMAXPROCS(0)
	c.bytes = after.TotalAlloc - before.TotalAlloc
	c.objects = after.Mallocs - before.Mallocs
	c.caches = int64(after.MCacheInuse) - int64(before.MCacheInuse)
	c.cycles = after.NumGC - before.NumGC
	for i, ns := range after.PauseNs {
		c.pauses += ns - before.PauseNs[i]
	}
	return c
}

// faults returns how often this process has met a page that was not there.
func faults() int64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage.Minflt
}

// stopCounter returns a function that counts the stops of the world that had nothing to do with the
// collector. Releases before 1.22 have no such counter.
func stopCounter() func() uint64 {
	sample := []metrics.Sample{{Name: "/sched/pauses/total/other:seconds"}}
	return func() (sum uint64) {
		metrics.Read(sample)
		if sample[0].Value.Kind() != metrics.KindFloat64Histogram {
			return 0
		}
		for _, count := range sample[0].Value.Float64Histogram().Counts {
			sum += count
		}
		return sum
	}
}

// touch writes into every page of 16 MB and gives them back to the heap, which does not hand them to
// the kernel at once. The second filling uses up the pages that a processor had set aside before.
func touch() {
	fill(2048)
	runtime.GC()
	fill(64)
}

// fill takes pieces of two pages each and writes into both.
//
//go:noinline
func fill(count int) {
	pieces := make([][]byte, count)
	for i := range pieces {
		pieces[i] = make([]byte, 8192)
		pieces[i][0], pieces[i][4096] = 1, 1
	}
}

func main() {
	fmt.Println("asked before after ns bytes objects caches faults cycles pauses stops")
	for _, c := range calls {
		fmt.Println(c.asked, c.before, c.after, c.ns, c.bytes, c.objects, c.caches, c.faults,
			c.cycles, c.pauses, c.stops)
	}
}
