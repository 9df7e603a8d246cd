/* The other file. */
int twice(int number) { return 2 * number; }
