package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// region is one line of /proc/self/maps (proc_pid_maps(5)).
type region struct {
	start, end  uintptr
	permissions string
	backing     string
}

type maps []region

func readMaps() maps {
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		panic(err)
	}
	var found maps
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		fields := strings.Fields(line)
		own := region{permissions: fields[1], backing: "no file"}
		fmt.Sscanf(fields[0], "%x-%x", &own.start, &own.end)
		if len(fields) > 5 && !strings.HasPrefix(fields[5], "[anon") {
			own.backing = filepath.Base(fields[5])
		}
		found = append(found, own)
	}
	return found
}

// find returns what may be done with an address, and what is behind it.
func (all maps) find(address uintptr) string {
	for _, own := range all {
		if own.start <= address && address < own.end {
			return own.permissions + "\t" + own.backing
		}
	}
	return "none\tnone"
}

func functionAddress(function func()) uintptr {
	return reflect.ValueOf(function).Pointer()
}

// resident returns the bytes of this process that are in memory (proc_pid_statm(5)).
func resident() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	var size, pages int
	fmt.Sscan(string(text), &size, &pages)
	return pages * os.Getpagesize()
}
