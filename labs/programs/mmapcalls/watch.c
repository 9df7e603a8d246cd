/* watch FILE PROGRAM [ARGUMENT …]: run a program and write to FILE every mmap(2) that it, its threads
   and its children make: thread, address asked for, length, protection, flags, descriptor, result.
   By ptrace(2) and PTRACE_GET_SYSCALL_INFO, which needs Linux 5.3; the kernel's own mappings at
   execve(2) are no calls. Exits as the program does, or with 125 where nothing may be traced. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4096
#define GET_SYSCALL_INFO 0x420e /* older headers do not have it */
#define ENTRY 1
#define EXIT 2

/* struct ptrace_syscall_info of linux/ptrace.h, whose name differs between C libraries. */
struct info {
    unsigned char op, pad[3];
    unsigned arch;
    unsigned long long instruction, stack;
    union {
        struct {
            unsigned long long number, arguments[6];
        } entry;
        struct {
            long long result;
            unsigned char is_error;
        } exit;
    } is;
};

static struct thread {
    pid_t id;
    int begun, inside;
    unsigned long long asked[6];
} threads[THREADS];

static struct thread *find(pid_t id) {
    for (int i = 0; i < THREADS; i++) {
        if (threads[i].id == id) return &threads[i];
        if (threads[i].id == 0) {
            memset(&threads[i], 0, sizeof threads[i]);
            threads[i].id = id;
            return &threads[i];
        }
    }
    fprintf(stderr, "more than %d threads\n", THREADS);
    exit(125);
}

static int no_tracing(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    return 125;
}

static void look(FILE *out, pid_t id) {
    struct info info;
    if (ptrace(GET_SYSCALL_INFO, id, (void *)sizeof info, &info) <= 0) return;
    struct thread *own = find(id);
    if (info.op == ENTRY) {
        own->inside = info.is.entry.number == SYS_mmap;
        for (int i = 0; i < 6; i++) own->asked[i] = info.is.entry.arguments[i];
    } else if (info.op == EXIT && own->inside) {
        own->inside = 0;
        fprintf(out, "%d %llu %llu %d %d %d %lld\n", (int)id, own->asked[0], own->asked[1],
                (int)own->asked[2], (int)own->asked[3], (int)own->asked[4],
                (long long)info.is.exit.result);
    }
}

int main(int count, char **words) {
    if (count < 3) return 2;
    FILE *out = fopen(words[1], "we");
    if (!out) return no_tracing(words[1]);
    pid_t first = fork();
    if (first < 0) return no_tracing("fork");
    if (first == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0)) _exit(no_tracing("ptrace"));
        raise(SIGSTOP);
        execvp(words[2], words + 2);
        _exit(no_tracing(words[2]));
    }
    int status;
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                   PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (waitpid(first, &status, 0) < 0) return no_tracing("waitpid");
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    if (ptrace(PTRACE_SETOPTIONS, first, 0, options)) return no_tracing("ptrace");
    ptrace(PTRACE_SYSCALL, first, 0, 0);
    int result = 125;
    pid_t id;
    while ((id = waitpid(-1, &status, __WALL)) > 0) {
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (id == first) result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        int signal = WSTOPSIG(status);
        int first_stop = id != first && !find(id)->begun;
        if (signal == (SIGTRAP | 0x80)) look(out, id);
        /* A call, an event of ptrace's, and the stop that a new thread begins with are no signals. */
        if (signal == (SIGTRAP | 0x80) || status >> 16 || (first_stop && signal == SIGSTOP)) signal = 0;
        find(id)->begun = 1;
        ptrace(PTRACE_SYSCALL, id, 0, signal);
    }
    return fclose(out) ? no_tracing(words[1]) : result;
}
