"""Which packages of a program hold `import "C"`, and by which imports they got in."""

from collections import deque

from labhelpers.cgo.imports import RUNTIME, Graph, main_package


def cgo_packages(graph: Graph) -> list[str]:
    """Return the packages with `import "C"`, those nearest to the program first.

    runtime/cgo has it, too, and comes with any other: it is named only where a package imports it
    by itself, and so would bring it in alone.
    """
    depths = _depths(graph)
    found = [name for name, package in graph.items() if package.cgo_files and name != RUNTIME]
    if RUNTIME in graph and any(
        RUNTIME in package.imports and not package.cgo_files for package in graph.values()
    ):
        found.append(RUNTIME)
    return sorted(found, key=lambda name: (depths.get(name, len(graph)), name))


def importers(graph: Graph, package: str) -> list[str]:
    """Return the packages that import this one themselves, those nearest to the program first."""
    depths = _depths(graph)
    found = [name for name, own in graph.items() if package in own.imports]
    return sorted(found, key=lambda name: (depths.get(name, len(graph)), name))


def chains(graph: Graph, package: str, limit: int = 5) -> list[tuple[str, ...]]:
    """Return ways of imports from the program to a package, both ends included, shortest first.

    There is one for each package that imports it: the shortest way through that one. All ways
    there are would be too many to read: net/http has thousands to net.
    """
    top = main_package(graph).path
    if package == top:
        return [(top,)]
    above = _parents(graph)
    ways = []
    for importer in importers(graph, package):
        if importer not in above:
            continue
        way = [package, importer]
        while way[-1] != top:
            way.append(above[way[-1]])
        ways.append(tuple(reversed(way)))
    # A way through another importer says no more than the way to that importer itself.
    ways.sort(key=lambda way: (len(way), way))
    return ways[:limit]


def narrows(graph: Graph, package: str) -> list[str]:
    """Return the packages that every way to this one goes through, the program's own left out.

    Without the import of any of them it would not be in the program.
    """
    ways = chains(graph, package, 1)
    return [step for step in ways[0][1:-1] if not _reached(graph, package, step)] if ways else []


def _reached(graph: Graph, package: str, without: str) -> bool:
    return package in _depths(graph, without)


def _depths(graph: Graph, without: str = "") -> dict[str, int]:
    """Return how many imports each package is away from the program."""
    return {name: depth for name, depth, _ in _walk(graph, without)}


def _parents(graph: Graph) -> dict[str, str]:
    return {name: parent for name, _, parent in _walk(graph)}


def _walk(graph: Graph, without: str = "") -> list[tuple[str, int, str]]:
    """Return each package with its distance and the package that led to it, nearest first."""
    top = main_package(graph).path
    found = [(top, 0, top)]
    seen = {top, without}
    waiting = deque(found)
    while waiting:
        name, depth, _ = waiting.popleft()
        for child in sorted(graph[name].imports) if name in graph else ():
            if child not in seen:
                seen.add(child)
                found.append((child, depth + 1, name))
                waiting.append(found[-1])
    return found
