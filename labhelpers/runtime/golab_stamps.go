package runtime

import "unsafe"

// What the instrumented runtime notes on its way to main.main: at which time of CLOCK_MONOTONIC
// which step had been done. Everything lies in arrays without pointers, whose pages exist only
// once they are written to. Only the first thread writes, which runs everything up to main.main,
// without asking for memory or a lock. golabReport prints it all right before main.main.
const golabRoom = 16384

type golabMark struct {
	step uintptr // a step's number, or the address of the init task that has just been done
	at   int64
}

var (
	golabEntryTime [2]int64 // seconds and nanoseconds, written by rt0_go itself
	golabMarks     [golabRoom]golabMark
	golabCount     uintptr
	golabOver      bool
	golabText      [8192]byte
	golabLength    int
)

//go:nosplit
func golabStamp(step uintptr) {
	if !golabOver && getg().m == &m0 {
		golabNote(step)
	}
}

//go:nosplit
func golabNote(step uintptr) {
	if golabCount < golabRoom {
		golabMarks[golabCount] = golabMark{step, nanotime()}
		golabCount++
	}
}

// golabReport prints one line for each stamp to the file whose descriptor GOLAB_INIT_FD names, with
// times from the entry on. To look up an init task's package costs more than all the rest: where
// GOLAB_INIT_NAMES is 0 only the task's place is printed, which is the same in every start.
func golabReport() {
	full := golabCount == golabRoom
	count := golabCount
	golabOver = true
	// What a stamp itself costs, to be seen from stamps in a row. The main goroutine is locked to
	// the first thread no more, and where its init functions took long it may have left it here.
	for i := uintptr(0); i < 5 && !full; i++ {
		golabNote(i)
	}
	fd := uintptr(0)
	wanted := gogetenv("GOLAB_INIT_FD")
	for i := 0; i < len(wanted); i++ {
		if wanted[i] < '0' || wanted[i] > '9' || fd > 1<<20 {
			return
		}
		fd = fd*10 + uintptr(wanted[i]-'0')
	}
	if fd == 0 {
		return
	}
	named := gogetenv("GOLAB_INIT_NAMES") != "0"
	entry := golabEntryTime[0]*1000000000 + golabEntryTime[1]
	if entry == 0 {
		entry = golabMarks[0].at
	}
	golabLine(fd, "golab-init", 1, uint64(gomaxprocs))
	golabLine(fd, "entry", 0, uint64(entry))
	for i := uintptr(0); i < golabCount; i++ {
		mark := &golabMarks[i]
		at := uint64(mark.at - entry)
		if i >= count {
			golabLine(fd, "cost", uint64(mark.step), at)
			continue
		}
		if mark.step < 1<<12 {
			golabLine(fd, "stamp", uint64(mark.step), at)
			continue
		}
		task := (*initTask)(unsafe.Pointer(mark.step))
		golabLine(fd, "task", uint64(task.nfns), at)
		golabLength-- // the line goes on
		golabNumber(uint64(uintptr(unsafe.Pointer(&golabMarks)) - mark.step))
		if named {
			name := funcpkgpath(findfunc(*(*uintptr)(add(unsafe.Pointer(task), 8))))
			if golabLength+len(name)+2 > len(golabText) {
				golabFlush(fd)
			}
			golabPut(" ")
			golabPut(name)
		}
		golabPut("\n")
	}
	if full {
		golabLine(fd, "full", golabRoom, 0)
	}
	golabLine(fd, "end", 0, 0)
	golabFlush(fd)
}

func golabLine(fd uintptr, word string, number, at uint64) {
	if golabLength+100 > len(golabText) {
		golabFlush(fd)
	}
	golabPut(word)
	golabNumber(number)
	golabNumber(at)
	golabPut("\n")
}

func golabPut(text string) {
	golabLength += copy(golabText[golabLength:], text)
}

func golabNumber(number uint64) {
	var digits [20]byte
	place := len(digits)
	for {
		place--
		digits[place] = byte('0' + number%10)
		number /= 10
		if number == 0 {
			break
		}
	}
	golabPut(" ")
	golabLength += copy(golabText[golabLength:], digits[place:])
}

func golabFlush(fd uintptr) {
	for done := 0; done < golabLength; {
		written := write1(fd, unsafe.Pointer(&golabText[done]), int32(golabLength-done))
		if written <= 0 {
			break
		}
		done += int(written)
	}
	golabLength = 0
}
