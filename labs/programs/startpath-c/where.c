/* One function of SIZE statements, called by three others: two of them can only run while the
   program starts, `early` before main. */
volatile int cells[64];

#define STEP(place) number ^= cells[number & (place)];

static int work(int number) {
    STEP(1)
#if SIZE > 1
    STEP(3)
#endif
#if SIZE > 2
    STEP(5)
#endif
#if SIZE > 3
    STEP(7)
#endif
#if SIZE > 4
    STEP(9)
#endif
#if SIZE > 5
    STEP(11)
#endif
#if SIZE > 6
    STEP(13)
#endif
#if SIZE > 7
    STEP(15)
#endif
    return number;
}

void elsewhere(void) {
    cells[1] = work(3);
    cells[2] = work(4);
}

__attribute__((constructor)) void early(void) {
    cells[1] = work(3);
    cells[2] = work(4);
}

int main(void) {
    cells[1] = work(3);
    cells[2] = work(4);
    return 0;
}
