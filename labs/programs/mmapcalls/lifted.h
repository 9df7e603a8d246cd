/* The article's helper: mmap(2) with its hint lifted to the limit. */
#include <sys/types.h>
#include <stddef.h>

unsigned long get_mmap_min_addr(void);
void *lifted_mmap(void *hint, size_t bytes, int protection, int flags, int file, off_t offset);
