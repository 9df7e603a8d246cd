"""What can be built: the programs of `labs/programs`, and any package folder of the user's."""

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from labhelpers.errors import LabError

VERSION_CONTROL = {".git", ".hg", ".svn"}
SERVERS = {"httpd", "web-nethttp", "web-chi", "web-gin", "web-echo", "web-fiber"}
"""Bundled programs that print `ready ADDRESS`, answer HTTP, and exit when standard input ends."""


def labs_folder() -> Path:
    """Return the folder of the labs: in the checkout, or inside the installed package."""
    package = Path(__file__).resolve().parent
    checkout = package.parent / "labs"
    return checkout if (checkout / "programs").is_dir() else package / "_labs"


@dataclass(frozen=True)
class Program:
    """One main package. `bundled` programs follow the release that builds them (build.py).

    `fetched` programs lie in Go's module cache, read-only; their module stands for itself.
    """

    name: str
    folder: Path
    bundled: bool = False
    fetched: bool = False

    @property
    def variables(self) -> dict[str, str]:
        """What to set by hand beside a toolchain's environment (workspace.py does for golab's own).

        A go.work in a module's archive names folders that are not in it; `go install` of a package
        at a version passes it over, too.
        """
        return {"GOWORK": "off"} if self.fetched else {}

    @property
    def server(self) -> bool:
        """Whether the program's start ends at its first answer and not at its exit."""
        return self.bundled and self.name in SERVERS

    @property
    def content(self) -> str:
        """SHA-256 over names and bytes of all that a build of this program may read.

        That is the module (or workspace) around the folder, and the local folders that its
        go.mod puts in place of modules. Downloaded modules are pinned by go.sum, which is in it.

        Raises:
            LabError: a file of it cannot be read.
        """
        digest = sha256(str(self.folder.relative_to(self.root)).encode())
        try:
            for folder in [self.root, *local_replacements(self.root)]:
                for path in sorted(folder.rglob("*")):
                    if path.is_file() and not VERSION_CONTROL.intersection(path.parts):
                        head = f"\0{path.relative_to(folder)}\0{path.stat().st_size}\0"
                        digest.update(head.encode())
                        digest.update(path.read_bytes())
        except OSError as error:
            raise LabError(
                f"{error.filename or path} cannot be read ({error.strerror}), and so {self.name} "
                "cannot be built: make it readable, or take it out of the module."
            ) from error
        return digest.hexdigest()

    @property
    def root(self) -> Path:
        """The folder of the go.work, else of the go.mod, that governs this package."""
        above = [self.folder, *self.folder.parents]
        alone = self.bundled or self.fetched
        for name in ("go.mod",) if alone else ("go.work", "go.mod"):
            for folder in above:
                if (folder / name).is_file():
                    return folder
        return self.folder


def local_replacements(root: Path) -> list[Path]:
    """Return the folders that the go.mod of `root` names on the right of `=>`."""
    go_mod = root / "go.mod"
    text = go_mod.read_text(errors="replace") if go_mod.is_file() else ""
    folders = [(root / match).resolve() for match in re.findall(r"=>\s+(\.{1,2}/\S*|/\S+)", text)]
    return [folder for folder in folders if folder.is_dir()]


def bundled_programs() -> dict[str, Program]:
    """Return the programs of `labs/programs` by name."""
    folders = sorted(path.parent for path in (labs_folder() / "programs").glob("*/go.mod"))
    return {folder.name: Program(folder.name, folder, bundled=True) for folder in folders}


def find_program(name: str | Path) -> Program:
    """Return the program of this name, or the package in this folder.

    Raises:
        LabError: neither a bundled program nor a folder with Go files.
    """
    known = bundled_programs()
    if str(name) in known:
        return known[str(name)]
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise LabError(
            f"There is no program named {str(name)!r}, nor a folder of that name: "
            f"take one of {', '.join(known)}, or the folder of a Go main package."
        )
    if not any(folder.glob("*.go")):
        raise LabError(f"The folder {folder} holds no Go file: name the folder of a main package.")
    folder = folder.resolve()
    return Program(folder.name, folder)
