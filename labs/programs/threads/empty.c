// empty does nothing: the smallest process that a C program makes.
int main(void) { return 0; }
