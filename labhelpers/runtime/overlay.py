"""The sources of a toolchain's own packages, and edits of them that find their place by its text.

An edit whose place is not there stops with its name: a release whose runtime is laid out
differently must not give numbers that look right.
"""

from labhelpers.errors import LabError
from labhelpers.toolchain import Toolchain


class MissingAnchor(LabError):
    """A place of the runtime's source that an edit needs is not there."""

    def __init__(self, release: str, file: str, function: str, anchor: str) -> None:
        """Keep where what was looked for."""
        self.release, self.file, self.function, self.anchor = release, file, function, anchor
        where = f"the function {function} of " if function and function != anchor else ""
        super().__init__(
            f"Go {release} has no {anchor} in {where}src/{file}, so its runtime cannot be "
            "instrumented: take a release from 1.21 to 1.27, such as --go 1.27."
        )


def source(toolchain: Toolchain, file: str) -> str:
    """Return the text of a file below GOROOT/src, such as runtime/proc.go.

    Raises:
        MissingAnchor: this release has no such file.
    """
    try:
        return (toolchain.goroot / "src" / file).read_text()
    except OSError as error:
        raise MissingAnchor(toolchain.release, file, "", f"file {file}") from error
