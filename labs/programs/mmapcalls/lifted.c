/* A hint below the limit is lifted to it; where there is none, MAP_FAILED takes its place, as in
   the article. Who defines get_mmap_min_addr, the article leaves open. */
#include <sys/mman.h>

#include "lifted.h"

void *lifted_mmap(void *hint, size_t bytes, int protection, int flags, int file, off_t offset) {
    unsigned long least = get_mmap_min_addr();
    if (hint == NULL)
        hint = MAP_FAILED;
    else if ((unsigned long)hint < least)
        hint = (void *)least;
    return mmap(hint, bytes, protection, flags, file, offset);
}
