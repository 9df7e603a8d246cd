/* Asks the C library for an address: a static glibc loads parts of itself for that at run time. */
#include <netdb.h>
#include <stdio.h>

int main(void) {
    struct addrinfo *found;
    int error = getaddrinfo("localhost", NULL, NULL, &found);
    puts(error ? gai_strerror(error) : "found");
    return error != 0;
}
