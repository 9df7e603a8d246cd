/* The same with a value that nobody wants: `start` returns nothing. */
static int from_table(void) { return 8080; }

static int configure(void) { return from_table(); }

void start(void) { configure(); }

void (*volatile first)(void) = start; /* or a compiler would see that nothing is left to call */

int main(void) {
    first();
    return 0;
}
