/* call WHO WAY:ADDRESS …: what mmap(2) answers. First a line about who asks; then a line a call:
   the way, the address asked for, the errno or 0, and the address of the mapping. */
#include "become.h"

#include <sys/utsname.h>

static const struct way {
    const char *name;
    int flags, file;
} ways[] = {
    {"hint", 0, 0},
    {"hint-32bit", MAP_32BIT, 0},
    {"hint-growsdown", MAP_GROWSDOWN, 0},
    {"hint-file", 0, 1},
    {"fixed", MAP_FIXED, 0},
    {"noreplace", MAP_FIXED_NOREPLACE, 0},
    {"fixed-growsdown", MAP_FIXED | MAP_GROWSDOWN, 0},
    {"fixed-file", MAP_FIXED, 1},
};

static void answer(char *asked, int file) {
    char *colon = strchr(asked, ':');
    if (!colon) exit(2);
    *colon = 0;
    unsigned long address = strtoul(colon + 1, NULL, 0);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(ways[i].name, asked)) continue;
        int flags = MAP_PRIVATE | ways[i].flags | (ways[i].file ? 0 : MAP_ANONYMOUS);
        void *got = mmap((void *)address, page, PROT_READ, flags, ways[i].file ? file : -1, 0);
        int error = got == MAP_FAILED ? errno : 0;
        if (!error && munmap(got, page)) fail("munmap");
        printf("%s %lu %d %lu\n", asked, address, error, error ? 0 : (unsigned long)got);
        return;
    }
    exit(2);
}

int main(int count, char **words) {
    char limit[32] = "";
    struct utsname kernel;
    if (count < 2) return 2;
    int file = open("/proc/self/exe", O_RDONLY); /* nobody might not be let into its folder */
    if (file < 0) fail("/proc/self/exe");
    become(words[1]);
    int in = open(LIMIT_FILE, O_RDONLY);
    if (in >= 0 && read(in, limit, sizeof limit - 1) < 0) fail(LIMIT_FILE);
    close(in);
    int out = open(LIMIT_FILE, O_WRONLY); /* opened, and nothing written */
    int refused = out < 0 ? errno : 0;
    close(out);
    if (uname(&kernel)) fail("uname");
    printf("%s %d %d %ld %d\n", kernel.release, (int)geteuid(), has(CAP_SYS_RAWIO),
           in < 0 ? -1 : atol(limit), refused);
    for (int i = 2; i < count; i++) answer(words[i], file);
    return 0;
}
