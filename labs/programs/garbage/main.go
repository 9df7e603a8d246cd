// Program garbage keeps a tree of so many MiB alive and makes garbage beside it.
//
//	garbage MIB natural MS   lets goroutines replace parts of the tree for so many milliseconds, or
//	                         longer, until there were three collections
//	garbage MIB forced N     the same, while N collections are asked for, one after the other
//	garbage MIB still N      N collections while nothing else runs
//
// It prints the pauses for collections as runtime/metrics counts them, a line a bucket that is not
// empty: from, to (seconds), how many; then how many collections there were, and what part of the
// processor time of collections was mark assist.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"sync/atomic"
	"time"
)

// A node is 64 bytes, of which two words are pointers.
type node struct {
	left, right *node
	own         [6]uint64
}

func tree(nodes int) *node {
	if nodes == 0 {
		return nil
	}
	rest := nodes - 1
	return &node{left: tree(rest / 2), right: tree(rest - rest/2)}
}

var made atomic.Int64

// mutate replaces small parts of a tree by new ones until it is told to stop.
func mutate(root *node, stop *atomic.Bool, seed uint64) {
	for !stop.Load() {
		at := root
		for i := 0; i < 12 && at.left != nil && at.right != nil; i++ {
			seed = seed*6364136223846793005 + 1442695040888963407
			if seed>>63 == 0 {
				at = at.left
			} else {
				at = at.right
			}
		}
		at.left = tree(15)
		made.Add(15)
	}
}

func main() {
	mib, number := atoi(os.Args[1]), atoi(os.Args[3])
	root := tree(mib << 20 / 64)
	runtime.GC()
	before := pauses()
	collections := cycles()
	work := []metrics.Sample{{Name: "/cpu/classes/gc/mark/assist:cpu-seconds"}, {Name: "/cpu/classes/gc/total:cpu-seconds"}}
	metrics.Read(work)
	assist, total := work[0].Value.Float64(), work[1].Value.Float64()
	var stop atomic.Bool
	if os.Args[2] != "still" {
		for i := 0; i < 2; i++ {
			go mutate([]*node{root.left, root.right}[i], &stop, uint64(i))
		}
	}
	if os.Args[2] == "natural" {
		enough := time.Duration(number) * time.Millisecond
		time.Sleep(enough)
		for i := 0; i < 100 && cycles()-collections < 3; i++ {
			time.Sleep(enough / 10)
		}
	} else {
		for i := 0; i < number; i++ {
			runtime.GC()
		}
	}
	stop.Store(true)
	after := pauses()
	ran := cycles() - collections
	runtime.GC() // the times that the samples have are those of the last collection
	metrics.Read(work)
	assist, total = work[0].Value.Float64()-assist, work[1].Value.Float64()-total
	for i, count := range after.Counts {
		if own := count - before.Counts[i]; own > 0 {
			fmt.Println("pause", after.Buckets[i], after.Buckets[i+1], own)
		}
	}
	fmt.Println("collections", ran)
	fmt.Println("assist", assist, total)
	fmt.Println("made", made.Load())
	runtime.KeepAlive(root)
}

// pauses returns the distribution of stops of the world for collections, from Go 1.22 on by its
// new name.
func pauses() *metrics.Float64Histogram {
	for _, name := range []string{"/sched/pauses/total/gc:seconds", "/gc/pauses:seconds"} {
		sample := []metrics.Sample{{Name: name}}
		metrics.Read(sample)
		if sample[0].Value.Kind() == metrics.KindFloat64Histogram {
			// A copy: the next Read may use the same memory.
			h := *sample[0].Value.Float64Histogram()
			h.Counts = append([]uint64(nil), h.Counts...)
			return &h
		}
	}
	fmt.Fprintln(os.Stderr, "this release has no distribution of pauses")
	os.Exit(1)
	return nil
}

func cycles() uint32 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.NumGC
}

func atoi(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return n
}
