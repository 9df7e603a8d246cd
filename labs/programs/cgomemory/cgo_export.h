// What C offers to Go: memory from malloc, and ways to reach Go's memory.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int c_global = 1;
void *last_block;

void *safe_malloc(size_t size) {
	last_block = malloc(size);
	return last_block;
}

static void touch(void *block, size_t size) {
	memset(block, 1, size);
}

// Write to any address, as C may.
static void poke(uintptr_t address, int value) {
	*(volatile int *)address = value;
}

static uintptr_t c_function(void) {
	return (uintptr_t)&safe_malloc;
}

static uintptr_t on_the_c_stack(void) {
	return (uintptr_t)__builtin_frame_address(0);
}
