"""Count the primes below the argument; print the ns of processor time it took, and the count."""

import sys
import time


def primes(n: int) -> int:
    """Return how many primes there are below n."""
    composite = bytearray(n)
    count = 0
    for i in range(2, n):
        if composite[i]:
            continue
        count += 1
        for j in range(i * i, n, i):
            composite[j] = 1
    return count


begin = time.thread_time_ns()
found = primes(int(sys.argv[1]))
print(time.thread_time_ns() - begin, found)
