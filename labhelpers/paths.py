"""Where the project keeps what it makes: one cache folder for each user."""

import os
from pathlib import Path

from labhelpers.errors import LabError


def cache_dir(*parts: str) -> Path:
    """Return a folder below the user's cache, made if it is not there.

    The cache is `$GOLAB_CACHE`, else the platform's own place (`~/.cache/golab` on Linux).

    Raises:
        LabError: the folder cannot be made or written to.
    """
    from platformdirs import user_cache_path

    root = os.environ.get("GOLAB_CACHE")
    folder = (Path(root).absolute() if root else user_cache_path("golab")).joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    if not os.access(folder, os.W_OK):
        raise unwritable(folder, "permission denied")
    return folder


def unwritable(folder: Path, reason: object) -> LabError:
    """Return the error that says what to do about a cache folder that cannot be written to."""
    return LabError(
        f"The cache folder {folder} cannot be written to ({reason}): "
        "set GOLAB_CACHE to a folder on a disk with room."
    )
