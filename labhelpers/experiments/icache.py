"""A simulated instruction cache: no counter of the processor is read, which few machines give."""

import numpy as np

from labhelpers.experiments.traces import Addresses

LINE, SETS, PLACES = 64, 64, 8
"""32 KiB in lines of 64 bytes and 8 ways: many a processor's, and what Valgrind takes here."""


def cache_misses(addresses: Addresses) -> int:
    """Return how often a first-level instruction cache would miss: 32 KiB, 8 ways, 64-byte lines.

    It starts empty, drops what was used longest ago, and fetches nothing ahead. An instruction
    counts for the line that it begins in.
    """
    lines = addresses // LINE
    changes = lines[np.append(True, lines[1:] != lines[:-1])]
    cache: list[dict[int, None]] = [{} for _ in range(SETS)]
    misses = 0
    for line in changes.tolist():
        places = cache[line % SETS]
        if line in places:
            del places[line]  # put in again below, as the one used last
        else:
            misses += 1
            if len(places) == PLACES:
                del places[next(iter(places))]
        places[line] = None
    return misses
