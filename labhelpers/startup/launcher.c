/* Starts a program and tells how much memory it had resident at its peak (resident.py).

   launcher DESCRIPTOR PROGRAM [ARGUMENT...]

   PROGRAM gets argument list, environment and open files as they are, without DESCRIPTOR, to which
   one line goes when it has ended: its ru_maxrss (getrusage(2)) and this process's own peak, both
   in KiB, and the error number of an execve(2) that failed. The launcher then ends as PROGRAM did:
   with its status, or by the same signal. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Peak of this process's memory as it is since its own execve, 0 where /proc does not tell. */
static long own_peak(void)
{
    static char text[4096];
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : read(file, text, sizeof text - 1);
    text[length < 0 ? 0 : length] = 0;
    const char *line = strstr(text, "\nVmHWM:");
    return line ? atol(line + 7) : 0;
}

int main(int argc, char **argv)
{
    struct rusage usage;
    int status;
    volatile int failed = 0; /* the child of vfork writes into this process's memory */
    if (argc < 3)
        return 2;
    int report = atoi(argv[1]);
    fcntl(report, F_SETFD, FD_CLOEXEC);
    pid_t own = getpid(), pid = vfork();
    if (pid == 0) {
        /* Should the launcher be killed, the program goes with it, whatever group it is in. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == own)
            execve(argv[2], argv + 2, environ);
        failed = errno;
        _exit(127);
    }
    if (pid < 0) {
        dprintf(report, "0 0 %d\n", errno);
        return 127;
    }
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR)
            return 127;
    dprintf(report, "%ld %ld %d\n", usage.ru_maxrss, own_peak(), failed);
    if (WIFSIGNALED(status)) {
        int number = WTERMSIG(status);
        prctl(PR_SET_DUMPABLE, 0); /* a core file there is, or is not, already */
        signal(number, SIG_DFL);
        raise(number);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
