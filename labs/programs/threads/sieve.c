// sieve N: counts the primes below N, five times, and prints the ns of processor time that the
// fastest of them took, and the count.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long primes(long n) {
    long count = 0;
    char *composite = calloc(n, 1);
    for (long i = 2; i < n; i++) {
        if (composite[i]) continue;
        count++;
        for (long j = i * i; j < n; j += i) composite[j] = 1;
    }
    free(composite);
    return count;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv) {
    long n = argc > 1 ? atol(argv[1]) : 0, count = 0;
    double least = 1e18;
    for (int run = 0; run < 5; run++) {
        double begin = now();
        count = primes(n);
        double took = now() - begin;
        if (took < least) least = took;
    }
    printf("%.0f %ld\n", least, count);
    return 0;
}
