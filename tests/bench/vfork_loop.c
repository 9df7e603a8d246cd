/* The least that a start can cost: vfork, execve, wait4, and CLOCK_MONOTONIC around the three.

   vfork_loop STARTS UNRECORDED PROGRAM [ARGUMENT...]

   Starts PROGRAM UNRECORDED times, then STARTS times, and prints the nanoseconds of each of the
   latter, a line each, after all have ended. The child inherits standard input, output and error,
   and the environment, as they are: no /dev/null, no process group, no pidfd, no time limit. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    int starts = atoi(argv[1]), unrecorded = atoi(argv[2]);
    if (starts < 1 || unrecorded < 0)
        return 2;
    long long *times = malloc(sizeof *times * (size_t)(starts + unrecorded));
    if (!times)
        return 1;
    for (int i = 0; i < starts + unrecorded; i++) {
        struct rusage usage;
        int status;
        long long begin = now();
        pid_t pid = vfork();
        if (pid == 0) {
            execve(argv[3], argv + 3, environ);
            _exit(127);
        }
        if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
            return 1;
        times[i] = now() - begin;
        if (status != 0)
            return 1;
    }
    for (int i = unrecorded; i < starts + unrecorded; i++)
        printf("%lld\n", times[i]);
    return 0;
}
