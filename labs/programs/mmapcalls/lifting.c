/* lifting WHO ADDRESS …: mmap(2) as it is against the article's helper, with and without MAP_FIXED.
   A line a call: helper, flags, address asked for, errno or 0, address got. Then what the helper
   leaves of a page that was there before, at the limit: "kept" or "lost". */
#include "become.h"
#include "lifted.h"

typedef void *mapper(void *, size_t, int, int, int, off_t);

static size_t page;

static void tell(const char *name, mapper *map, const char *flag, int flags, unsigned long asked) {
    void *got = map((void *)asked, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    int error = got == MAP_FAILED ? errno : 0;
    if (!error && munmap(got, page)) fail("munmap");
    printf("%s %s %lu %d %lu\n", name, flag, asked, error, error ? 0 : (unsigned long)got);
}

/* A page with a word in it lies at the limit; then a page is asked for below, with `flags`. */
static void occupied(const char *flag, int flags) {
    unsigned long limit = get_mmap_min_addr();
    int private = MAP_PRIVATE | MAP_ANONYMOUS;
    int *there = mmap((void *)limit, page, PROT_READ | PROT_WRITE, private | MAP_FIXED, -1, 0);
    if (there == MAP_FAILED) fail("a page at the limit");
    *there = 42;
    void *got = lifted_mmap((void *)1, page, PROT_READ, private | flags, -1, 0);
    int error = got == MAP_FAILED ? errno : 0;
    printf("occupied %s %lu %d %s\n", flag, limit, error, *(volatile int *)there == 42 ? "kept" : "lost");
    if (!error && got != there) munmap(got, page);
    munmap(there, page);
}

int main(int count, char **words) {
    if (count < 2) return 2;
    page = (size_t)sysconf(_SC_PAGESIZE);
    become(words[1]);
    for (int i = 2; i < count; i++) {
        unsigned long asked = strtoul(words[i], NULL, 0);
        tell("mmap", mmap, "hint", 0, asked);
        tell("helper", lifted_mmap, "hint", 0, asked);
        tell("mmap", mmap, "fixed", MAP_FIXED, asked);
        tell("helper", lifted_mmap, "fixed", MAP_FIXED, asked);
    }
    if (get_mmap_min_addr()) {
        occupied("hint", 0);
        occupied("fixed", MAP_FIXED);
        occupied("noreplace", MAP_FIXED_NOREPLACE);
    }
    return 0;
}
