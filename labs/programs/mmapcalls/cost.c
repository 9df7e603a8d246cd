/* cost ROUNDS CALLS LOW LIMIT HIGH: what a call of mmap(2) takes, by what it asks for. In each round
   every kind takes its turn once, in random order, CALLS times in a row; a line a turn: the round,
   the kind, nanoseconds for each call. A call that succeeds is followed by its munmap(2). */
#include "become.h"
#include "lifted.h"

#include <time.h>

static size_t page;
static unsigned long low, limit, high;

static void map_and_unmap(unsigned long hint, int touch) {
    int protection = PROT_READ | PROT_WRITE;
    char *got = mmap((void *)hint, page, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (got == MAP_FAILED) fail("mmap");
    if (touch) *(volatile char *)got = 1;
    munmap(got, page);
}

static void refused(size_t bytes, int error) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    if (mmap(NULL, bytes, PROT_READ, flags, -1, 0) != MAP_FAILED || errno != error)
        fail("mmap was not refused as expected");
}

static void lifted(unsigned long hint) {
    int protection = PROT_READ | PROT_WRITE;
    void *got = lifted_mmap((void *)hint, page, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (got == MAP_FAILED) fail("lifted_mmap");
    munmap(got, page);
}

static void system_call(void) { syscall(SYS_getppid); }
static void no_length(void) { refused(0, EINVAL); }
static void too_low(void) { refused(page, EPERM); }
static void anywhere(void) { map_and_unmap(0, 0); }
static void hint_low(void) { map_and_unmap(low, 0); }
static void hint_limit(void) { map_and_unmap(limit, 0); }
static void hint_high(void) { map_and_unmap(high, 0); }
static void touched(void) { map_and_unmap(0, 1); }
static void helper(void) { lifted(low); }
static void reading(void) { get_mmap_min_addr(); }

static const struct kind {
    const char *name;
    void (*once)(void);
} kinds[] = {
    {"getppid", system_call}, {"no-length", no_length}, {"too-low", too_low},
    {"anywhere", anywhere},   {"anywhere-again", anywhere},
    {"hint-low", hint_low},   {"hint-limit", hint_limit}, {"hint-high", hint_high},
    {"touched", touched},     {"helper", helper},       {"reading", reading},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static double now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

int main(int count, char **words) {
    if (count != 6) return 2;
    int rounds = atoi(words[1]), calls = atoi(words[2]);
    low = strtoul(words[3], NULL, 0), limit = strtoul(words[4], NULL, 0);
    high = strtoul(words[5], NULL, 0);
    page = (size_t)sysconf(_SC_PAGESIZE);
    become("powerless"); /* else page 0 might not be refused */
    size_t order[KINDS];
    for (size_t i = 0; i < KINDS; i++) order[i] = i, kinds[i].once();
    srand(17);
    for (int round = 0; round < rounds; round++) {
        for (size_t i = KINDS - 1; i > 0; i--) {
            size_t other = (size_t)rand() % (i + 1), kept = order[i];
            order[i] = order[other], order[other] = kept;
        }
        for (size_t i = 0; i < KINDS; i++) {
            const struct kind *own = &kinds[order[i]];
            double begin = now_ns();
            for (int k = 0; k < calls; k++) own->once();
            printf("%d %s %.2f\n", round, own->name, (now_ns() - begin) / calls);
        }
    }
    return 0;
}
