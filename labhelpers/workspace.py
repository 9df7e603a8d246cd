"""A go.work of one's own, so that `go` leaves nothing beside the user's.

In a workspace the go command writes the checksums that it misses into go.work.sum, beside the
go.work, even where -mod=readonly keeps it from all else (cmd/go/internal/modload/init.go, "we still
want to update the go.work.sum file"). With $GOWORK naming a copy it writes beside the copy.
"""

import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labhelpers.paths import cache_dir
from labhelpers.programs import Program
from labhelpers.toolchain import Toolchain


@contextlib.contextmanager
def workspace(program: Program, toolchain: Toolchain) -> Iterator[dict[str, str]]:
    """Yield the variables that `go` needs in this program's folder beside its environment.

    They are none where no workspace governs the folder. GOWORK=off is for a bundled program, as a
    go.work that happens to lie above the labs is not theirs, and for one in the module cache:
    some modules carry a go.work whose other folders did not come with them, and `go install
    PACKAGE@VERSION` passes over it, too. A go.work that cannot be read is left to the go command,
    which says why.

    Raises:
        LabError: the cache cannot be written to.
    """
    if program.bundled or program.fetched:
        yield {"GOWORK": "off"}
        return
    file = program.root / "go.work"
    if not file.is_file():
        yield {}
        return
    with tempfile.TemporaryDirectory(dir=cache_dir("go", "tmp"), prefix="work-") as scratch:
        copy = Path(scratch) / "go.work"
        shutil.copyfile(file, copy)
        sums = file.with_name("go.work.sum")
        if sums.is_file():
            shutil.copyfile(sums, copy.with_name("go.work.sum"))
        yield {"GOWORK": str(copy)} if _absolute(copy, file.parent, toolchain) else {}


def _absolute(copy: Path, home: Path, toolchain: Toolchain) -> bool:
    """Let a copied go.work name its folders from the root; say whether it could be read."""
    work = _edit(toolchain, copy, "-json")
    if work.returncode:
        return False
    document = json.loads(work.stdout)
    changes = []
    for use in document.get("Use") or []:
        folder = use["DiskPath"]
        changes += [f"-dropuse={folder}", f"-use={(home / folder).resolve()}"]
    for change in document.get("Replace") or []:
        old, new = _named(change["Old"]), change["New"]
        # A folder has no version; what has one is a module, and stays as it is.
        if not new.get("Version"):
            changes.append(f"-replace={old}={(home / new['Path']).resolve()}")
    return not changes or _edit(toolchain, copy, *changes).returncode == 0


def _named(module: dict[str, Any]) -> str:
    version = module.get("Version", "")
    return f"{module['Path']}@{version}" if version else str(module["Path"])


def _edit(toolchain: Toolchain, file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(toolchain.go), "work", "edit", *words, str(file)],
        cwd=file.parent,
        env=toolchain.environment() | {"GOWORK": str(file)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
