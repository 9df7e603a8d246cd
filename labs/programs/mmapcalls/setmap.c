/* setmap WHO: prctl(PR_SET_MM, PR_SET_MM_MAP), which tells the kernel where a process has its parts.
   A line a try: what, the errno or 0. See prctl(2) and kernel/sys.c, prctl_set_mm_map. */
#include "become.h"

static struct prctl_mm_map here;

static void read_map(void) {
    char text[2048] = "";
    int in = open("/proc/self/stat", O_RDONLY);
    if (in < 0 || read(in, text, sizeof text - 1) < 0) fail("/proc/self/stat");
    close(in);
    unsigned long long values[64] = {0};
    char *at = strrchr(text, ')') + 3; /* field 3 of proc(5) is the state */
    for (int field = 3; field < 53 && at; field++) {
        values[field] = strtoull(at, NULL, 10);
        at = strchr(at, ' ');
        if (at) at++;
    }
    here.start_code = values[26], here.end_code = values[27], here.start_stack = values[28];
    here.start_data = values[45], here.end_data = values[46], here.start_brk = values[47];
    here.arg_start = values[48], here.arg_end = values[49];
    here.env_start = values[50], here.env_end = values[51];
    here.brk = (unsigned long)sbrk(0), here.exe_fd = (unsigned)-1;
}

static void try(const char *what, struct prctl_mm_map *map) {
    long done = syscall(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, map, sizeof *map, 0);
    printf("%s %d\n", what, done ? errno : 0);
}

static void fixed(const char *what) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    void *got = mmap(NULL, 4096, PROT_READ, flags, -1, 0);
    printf("%s %d\n", what, got == MAP_FAILED ? errno : 0);
    if (got != MAP_FAILED) munmap(got, 4096);
}

int main(int count, char **words) {
    if (count < 2) return 2;
    become(words[1]);
    fixed("fixed-before");
    read_map();
    try("same", &here);
    struct prctl_mm_map other = here;
    other.arg_end = other.arg_start; /* now it says that it has no arguments */
    try("other", &other);
    unsigned long long before = here.arg_end;
    read_map();
    printf("own-numbers-changed %d\n", here.arg_end != before);
    other = here;
    other.start_data = 1, other.end_data = 2;
    try("below", &other);
    long one = syscall(SYS_prctl, PR_SET_MM, PR_SET_MM_BRK, here.brk, 0, 0);
    printf("single-field %d\n", one ? errno : 0);
    fixed("fixed-after");
    return 0;
}
