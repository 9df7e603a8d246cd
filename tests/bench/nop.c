/* The smallest static program: no C library, exits with 0 at once. x86-64 and AArch64 Linux.
   cc -static -nostdlib -O1 -o nop nop.c   gives some 9 KB. */
void _start(void)
{
#if defined(__x86_64__)
    __asm__ volatile("mov $60, %eax; xor %edi, %edi; syscall");
#elif defined(__aarch64__)
    __asm__ volatile("mov x8, #93; mov x0, #0; svc #0");
#else
#error "add the exit system call of this architecture"
#endif
}
