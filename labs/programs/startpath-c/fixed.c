/* The start path with a value that stands in the source. */
static int from_table(void) { return 8080; }

static int configure(void) { return from_table(); }

int main(void) { return configure() & 63; }
