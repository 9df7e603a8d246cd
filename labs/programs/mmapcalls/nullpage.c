/* nullpage WHO: ask for page 0 with MAP_FIXED, say the answer, and then follow a null pointer. */
#include "become.h"

int main(int count, char **words) {
    if (count < 2) return 2;
    become(words[1]);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    void *got = mmap(NULL, 4096, PROT_READ | PROT_WRITE, flags, -1, 0);
    printf("mmap: %s\n", got == MAP_FAILED ? strerror(errno) : "mapped");
    fflush(stdout);
    int *volatile pointer = NULL;
    printf("a null pointer leads to %d\n", *(volatile int *)pointer);
    return 0;
}
