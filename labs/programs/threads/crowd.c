// crowd N STACK: makes N threads that all wait for the same thing, says how long that took in ns
// and how many there are, and keeps them until standard input ends. STACK: KiB of each thread's
// stack, 0 for what the system gives. Where a thread is refused, it says which, and why.
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static sem_t here, never;

static void *wait_for_ever(void *unused) {
    sem_post(&here);
    while (sem_wait(&never)) {
    }
    return unused;
}

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
    long wanted = argc > 1 ? atol(argv[1]) : 0, kib = argc > 2 ? atol(argv[2]) : 0, made = 0;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (kib) pthread_attr_setstacksize(&attributes, kib * 1024);
    sem_init(&here, 0, 0);
    sem_init(&never, 0, 0);
    long long begin = now();
    for (; made < wanted; made++) {
        pthread_t thread;
        int error = pthread_create(&thread, &attributes, wait_for_ever, NULL);
        if (error) {
            fprintf(stderr, "pthread_create, thread %ld: %s\n", made + 1, strerror(error));
            break;
        }
    }
    for (long i = 0; i < made; i++)
        while (sem_wait(&here)) {
        }
    printf("ready %lld %ld\n", now() - begin, made);
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
    _exit(made < wanted);
}
