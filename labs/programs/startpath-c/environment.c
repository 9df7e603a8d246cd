/* The same with a value that is not known before the program runs. */
#include <stdlib.h>

static int from_environment(void) {
    const char *port = getenv("PORT");
    return port ? atoi(port) : 80;
}

static int configure(void) { return from_environment(); }

int main(void) { return configure() & 63; }
