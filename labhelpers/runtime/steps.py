"""What each step of the runtime's start does, and why it takes time: a sentence each.

Read in the sources of Go 1.21 to 1.27, mostly runtime/proc.go; the file that says it is named
where it is another. A step that is not listed gets a sentence that claims nothing.
"""

from collections.abc import Mapping

FAULTS = "pages touched for the first time, each a page fault"

SENTENCES: Mapping[str, str | dict[int, str]] = {
    # rt0_go (runtime/asm_amd64.s)
    "g0, m0 and TLS": {
        21: "Makes the first goroutine g0 of the kernel's stack, asks the processor who it is (two "
        "CPUID instructions, which trap in a virtual machine), and sets up thread-local storage, "
        "with cgo through C code of runtime/cgo.",
        22: "Makes the first goroutine g0 of the kernel's stack, asks the processor who it is (two "
        "CPUID instructions, which trap in a virtual machine), and sets up thread-local storage; "
        "with cgo C code asks for the stack's bounds, which glibc reads in /proc/self/maps.",
    },
    # runtime/runtime1.go
    "check": "Checks the sizes of basic types and that atomic instructions work as they must.",
    # runtime/os_linux.go, runtime/vdso_linux.go
    "args": "Finds the arguments, the environment and the auxiliary vector on the stack, and in "
    "the vDSO the functions that tell the time without a system call, for which it reads the "
    "vDSO's symbol tables.",
    "osinit": {
        21: "Asks the kernel for the usable processors (sched_getaffinity) and, from a file of "
        "/sys, for the size of huge pages: opening and reading that file is most of it.",
        24: "Asks the kernel for the usable processors (sched_getaffinity), from a file of /sys "
        "for the size of huge pages, and the vDSO about random numbers: opening and reading that "
        "file is most of it.",
    },
    # schedinit
    "lockInit": "Gives the scheduler's locks their ranks, which does nothing unless ranks are "
    "checked; what it takes is the first touch of the code and data around.",
    "sched.midle.init": "Readies the empty list of idle threads.",
    "moduledataverify": "Walks the whole table of functions to check that it is sorted, and so "
    "reads pages of the file in proportion to the program's size (runtime/symtab.go).",
    "stackinit": "Empties the pools of goroutine stacks (runtime/stack.go).",
    "mallocinit": "Sets up the heap: the lists of span sizes, the first cache, the page "
    f"allocator's reserved address space and hints where to grow; mmap calls, and {FAULTS} "
    "(runtime/malloc.go).",
    "getGodebugEarly": "Looks for GODEBUG in the environment, entry by entry.",
    "initPageTrace": "Begins a trace of pages; empty unless Go was built with that experiment.",
    "cpuinit": "Asks what the processor can do, by CPUID instructions: cheap on bare metal, "
    "microseconds each in a virtual machine, where they trap to the hypervisor; and makes the "
    f"heap's first allocation: {FAULTS} (internal/cpu).",
    "alginit": "Chooses the hash functions of maps, by AES instructions where there are any, and "
    "fills in their random keys (runtime/alg.go).",
    "maps.AlgInit": "Chooses the hash functions of maps, by AES instructions where there are any, "
    "and fills in their random keys (internal/runtime/maps).",
    "fastrandinit": "Seeds the runtime's random numbers, from the bytes that the kernel put into "
    "the auxiliary vector or from /dev/urandom.",
    "randinit": "Seeds the runtime's ChaCha8 generator with the random bytes that the kernel put "
    "into the auxiliary vector (runtime/rand.go).",
    "ticks.init": "Notes the time and the processor's tick counter together, from which the ticks "
    "a second are worked out later (runtime/runtime.go).",
    "mcommoninit": {
        21: "Enters the first thread m0 into the list of threads and gives it a signal stack of "
        "its own, which is the first stack to be allocated.",
        25: "Enters the first thread m0 into the list of threads and gives it a signal stack, the "
        "first stack to be allocated, and buffers for profiles, among the first heap objects.",
    },
    "modulesinit": "Lists the program's modules (one, without plugins) and the pointer masks of "
    f"its data, in early allocations from the heap: {FAULTS} (runtime/symtab.go).",
    "typelinksinit": "Makes types that several modules have the same; with one module it returns "
    "at once (runtime/type.go).",
    "itabsinit": "Enters the interface tables that the linker made into the hash table where the "
    "runtime looks for them; grows with their number (runtime/iface.go).",
    "stkobjinit": "Tells the stack scanner about the frames of reflect's method values "
    "(runtime/stkframe.go).",
    "sigsave": "Asks the kernel for the signal mask, which new threads begin with.",
    "goargs": "Makes Go strings of the arguments (runtime/runtime1.go).",
    "goenvs": "Makes a Go string of every environment variable: an allocation each, most on "
    "fresh pages; grows with the environment (runtime/runtime1.go).",
    "secure": "Guards programs that are set-user-ID (AT_SECURE) and does nothing for others "
    "(runtime/security_unix.go).",
    "checkfds": "Asks the kernel whether descriptors 0, 1 and 2 are open, and opens /dev/null for "
    "any that is not: three system calls (runtime/fds_unix.go).",
    "parsedebugvars": "Reads the settings of GODEBUG and GOTRACEBACK (runtime/runtime1.go).",
    "parseRuntimeDebugVars": "Reads the runtime's settings in GODEBUG (runtime/runtime1.go).",
    "parseRuntimeDebugVars (2)": "Reads GODEBUG on systems where the environment comes late; "
    "nothing to do on Linux.",
    "finishDebugVarsSetup": "Keeps GODEBUG for later changes and reads GOTRACEBACK "
    "(runtime/runtime1.go).",
    "gcinit": "Sets the collector's pace from GOGC and GOMEMLIMIT (runtime/mgc.go).",
    "stackalloc": "Allocates 16 KiB of stack for a crash on a bad stack.",
    "mProfStackInit": {
        23: "Allocates the first thread's buffers for stack traces of profiles, now that GODEBUG "
        f"is known: {FAULTS}.",
        25: "Allocates the first thread's buffers for stack traces once more; the rate of the "
        "memory profile has just been set, and so this is recorded even if nobody wants a profile: "
        f"{FAULTS}.",
    },
    "defaultGOMAXPROCSInit": "Finds the cgroup that limits the process's processor time, by "
    "reading files of /proc and opening that of the limit: system calls (runtime/cgroup_linux.go).",
    "defaultGOMAXPROCS": "Works out GOMAXPROCS from the processors and the cgroup's limit, which "
    "it reads, unless the environment sets it (runtime/cgroup_linux.go).",
    "gogetenv": "Looks for GOMAXPROCS in the environment.",
    "procresize": "Makes the Ps, GOMAXPROCS of them, each a large object on fresh pages with a "
    "memory cache of its own: grows with their number.",
    # newproc, mstart
    "newproc and mstart": "Makes the main goroutine with its stack, then gives the first thread "
    "its signal stack and signal mask, so that it can run goroutines.",
    "newextram": "With cgo, makes a spare thread record for C threads that will call Go; without "
    "cgo nothing.",
    "initsig": "Installs the runtime's signal handlers: two system calls for nearly each of 64 "
    "signals (runtime/signal_unix.go).",
    "schedule": "Finds the main goroutine, the only one there is, and switches to it.",
    # runtime.main
    "newm(sysmon)": "Starts the thread of the system monitor: its records, a stack, and a clone "
    "system call (pthread_create with cgo).",
    "lockOSThread": "Ties the main goroutine to the main thread while init functions run.",
    "gcenable": "Starts the goroutines of the sweeper and the scavenger and waits until both "
    "run: switches of goroutines, and often a further thread that is woken or started.",
    "defaultGOMAXPROCSUpdateEnable": "Starts the goroutine that adjusts GOMAXPROCS when the "
    "cgroup's limit changes.",
    "make(chan bool)": "Makes the channel that C threads wait on until init functions are done; "
    "what other goroutines did meanwhile on this thread counts here, too.",
    "set_crosscall2": "With cgo, tells C where to enter Go.",
    "startTemplateThread": "With cgo, starts a thread in a known state from which others can be "
    "started: pthread_create.",
    "cgocall": "With cgo, tells C that the runtime is ready, through the first cgo call.",
    "unlockOSThread": "Ends the phase of init functions and frees the main goroutine from the "
    "main thread.",
}


def what(function: str, step: str, release: str, functions: int | None = None) -> str:
    """Return what a step does, in one sentence.

    Args:
        function: where it is a step of.
        step: its name; of "init tasks" the package.
        release: the Go release, such as 1.22.10.
        functions: how many functions an init task has.
    """
    if function == "init tasks":
        count = "1 init function" if functions == 1 else f"{functions} init functions"
        return f"Sets up package {step}: its variables that need code, and init() ({count})."
    found = SENTENCES.get(step) if function in ("rt0_go", "schedinit", "runtime.main") else None
    if isinstance(found, dict):
        minor = int(release.split(".")[1])
        found = next((text for since, text in reversed(found.items()) if since <= minor), None)
    return found or f"A step of {function} that golab has no words for."
