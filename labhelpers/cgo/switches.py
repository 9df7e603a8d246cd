"""The switches that can take C out of a program, and what each leaves of it.

CGO_ENABLED=0 takes all of it at once, wherever it comes from; a build tag takes what has been
written to be taken, by a `//go:build` line on the files with `import "C"`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from labhelpers.build import BuildConfig
from labhelpers.cgo.chains import cgo_packages, importers
from labhelpers.cgo.constraints import excluding_tags
from labhelpers.cgo.imports import NO_FILES, Graph, Package
from labhelpers.cgo.sources import named_stub, some, stub_words
from labhelpers.cgo.standard import STANDARD
from labhelpers.configs import TAGS, find_config

NO_CGO = "CGO_ENABLED=0"


@dataclass(frozen=True)
class Setting:
    """CGO_ENABLED and the build tags that one switch stands for."""

    cgo: bool
    tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What people call it."""
        return ",".join(self.tags) if self.cgo else NO_CGO

    @property
    def config(self) -> BuildConfig:
        """The build with it: golab's `trim`, or one with its tags."""
        return BuildConfig(self.name, tags=self.tags) if self.cgo else find_config("trim")


def single_settings(graph: Graph) -> list[Setting]:
    """Return the switches to try one by one: CGO_ENABLED=0, and each tag that can matter."""
    found = [tag for name in cgo_packages(graph) for tag in excluding_tags(graph[name])]
    # golab's own tags on every program, so that it is known what they do not do.
    tags = [*TAGS, *sorted(set(found) - set(TAGS))]
    return [Setting(False), *(Setting(True, (tag,)) for tag in tags)]


def changes(graph: Graph, other: Graph) -> bool:
    """Say whether a switch changes which files are compiled."""
    return _files(graph) != _files(other)


def removed(graph: Graph, other: Graph) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which packages with `import "C"` a switch takes out, and which are left."""
    left = cgo_packages(other)
    gone = [name for name in cgo_packages(graph) if name not in left]
    return tuple(gone), tuple(left)


def broken(other: Graph) -> str | None:
    """Return in a sentence which package a switch leaves unusable, None where all can be built."""
    for name, package in other.items():
        if package.error is None:
            continue
        by = importers(other, name)
        asked = f", and {by[0]} imports it" if by else ""
        if NO_FILES in package.error:
            return f"It does not build: {name} is left without any Go file{asked}."
        return f"It does not build: {name} cannot be used ({_line(package.error)}){asked}."
    return None


def place(package: Package, other: Graph) -> str:
    """Return what is used in place of a package's C where a switch takes it out."""
    if package.standard and package.path in STANDARD:
        return STANDARD[package.path].in_its_place
    new = other.get(package.path)
    if new is None:
        return "nothing: nothing imports it any more"
    if new.error is not None:
        return "nothing: no Go file of it is left, and the program does not build"
    files = _instead(package, new)
    if not files:
        return f"nothing: the package goes on without {some(package.cgo_files)}"
    if stub_words(new, files) or named_stub(files):
        return f"a stub ({some(files)})"
    return f"other files of the same package ({some(files)})"


def differences(graph: Graph, other: Graph, gone: Iterable[str]) -> tuple[str, ...]:
    """Return sentences on what behaves differently where a switch takes these packages' C out."""
    found: list[str] = []
    for name in gone:
        package, new = graph[name], other.get(name)
        if package.standard and name in STANDARD:
            found += STANDARD[name].differs
        elif new is None:
            found.append(
                f"{name} is no longer imported: what it did comes from elsewhere, or is not there."
            )
        elif new.error is not None:
            found.append(f"{name} is not there any more: all its Go files need cgo.")
        else:
            found.append(_of_other_files(package, new))
    lost = [
        name
        for name, package in graph.items()
        if name in other
        and not package.cgo_files
        and set(package.assembly) - set(other[name].assembly)
    ]
    if lost:
        found.append(f"Speed: less assembly, more Go in its place in {some(lost)}.")
    return (*found, *_choosers(graph, other, lost), *_newcomers(graph, other))


def _of_other_files(package: Package, new: Package) -> str:
    files = _instead(package, new)
    if not files:
        return f"{package.path} goes on without what is in {some(package.cgo_files)}."
    words = stub_words(new, files)
    if words:
        return f"{package.path} has a stub in place of its C; its source says “{words}”."
    if named_stub(files):
        return f"{package.path} has a stub in place of its C, going by the name of {some(files)}."
    return (
        f"{package.path} takes other files of its own instead ({some(files)}): whether they do "
        "the same, its documentation must tell."
    )


def _instead(package: Package, new: Package) -> list[str]:
    return [name for name in new.go_files if name not in package.go_files]


def _choosers(graph: Graph, other: Graph, known: Iterable[str]) -> list[str]:
    """Return a sentence on packages of others without C that choose their files by the switch."""
    names = [
        name
        for name, own in graph.items()
        if not own.standard and not own.cgo_files and name in other and name not in known
        if set(own.go_files) != set(other[name].go_files)
    ]
    if not names:
        return []
    return [f"Other files are compiled, though they hold no C themselves, in {some(names)}."]


def _newcomers(graph: Graph, other: Graph) -> list[str]:
    """Return a sentence on the modules that only the program without C needs."""
    before = {package.module for package in graph.values()}
    new = {package.module for package in other.values()} - before
    return [f"Other modules come in then: {some(sorted(new))}."] if new else []


def _files(graph: Graph) -> dict[str, tuple[tuple[str, ...], ...]]:
    return {
        name: (own.go_files, own.cgo_files, own.assembly, own.foreign_files, own.objects)
        for name, own in graph.items()
    }


def _line(text: str) -> str:
    return text.strip().splitlines()[0]
