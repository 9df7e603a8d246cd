// pass N WAY: two threads hand over to each other N times there and N times back, by semaphores
// (which are futexes, sem_overview(7)) or by pipes. It prints the ns of one hand-over, and the
// context switches of the process meanwhile: voluntary, involuntary. With a third argument both
// threads stay on one processor.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static long rounds;
static int by_pipe;
static sem_t turn[2];
static int ends[2][2];

static void give(int side) {
    char byte = 0;
    if (!by_pipe)
        sem_post(&turn[side]);
    else if (write(ends[side][1], &byte, 1) != 1)
        _exit(1);
}

static void take(int side) {
    char byte;
    if (by_pipe) {
        if (read(ends[side][0], &byte, 1) != 1) _exit(1);
    } else
        while (sem_wait(&turn[side])) {
        }
}

static void *answer(void *unused) {
    for (long i = 0; i < rounds; i++) {
        take(0);
        give(1);
    }
    return unused;
}

int main(int argc, char **argv) {
    rounds = argc > 1 ? atol(argv[1]) : 0;
    by_pipe = argc > 2 && !strcmp(argv[2], "pipe");
    for (int side = 0; side < 2; side++) {
        sem_init(&turn[side], 0, 0);
        if (pipe(ends[side])) return 1;
    }
    if (argc > 3) {
        cpu_set_t allowed, one;
        sched_getaffinity(0, sizeof allowed, &allowed);
        CPU_ZERO(&one);
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
            if (CPU_ISSET(cpu, &allowed)) {
                CPU_SET(cpu, &one);
                break;
            }
        sched_setaffinity(0, sizeof one, &one);
    }
    pthread_t other;
    if (pthread_create(&other, NULL, answer, NULL)) return 1;
    struct rusage before, after;
    struct timespec begin, end;
    getrusage(RUSAGE_SELF, &before);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (long i = 0; i < rounds; i++) {
        give(0);
        take(1);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    getrusage(RUSAGE_SELF, &after);
    double ns = (end.tv_sec - begin.tv_sec) * 1e9 + (end.tv_nsec - begin.tv_nsec);
    printf("%.1f %ld %ld\n", ns / (rounds ? 2 * rounds : 1), after.ru_nvcsw - before.ru_nvcsw,
           after.ru_nivcsw - before.ru_nivcsw);
    return 0;
}
