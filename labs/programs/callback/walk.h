// Adds up what the Go function goCallback makes of 1 to last.
int walk(int last);
