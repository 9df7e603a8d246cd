"""What the control groups of this process allow: cores and memory (cgroups(7), version 1 and 2).

Every function takes the folder that stands for `/`, so that tests can hand in a made-up tree.
"""

import math
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")


def cores(root: Path = ROOT) -> float:
    """Return the CPU quota in cores: the smallest of the own group and those above; else infinity.

    Sources: `cpu.max` (version 2), `cpu.cfs_quota_us` and `cpu.cfs_period_us` (version 1).
    """
    limits = [math.inf]
    for folder in _folders(root, "cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        if not quota:
            quota = _read(folder / "cpu.cfs_quota_us")
            period = _read(folder / "cpu.cfs_period_us")
        # "max" and -1 say that there is no limit.
        if quota.isdigit() and period.isdigit() and int(period):
            limits.append(int(quota) / int(period))
    return min(limits)


def memory(root: Path = ROOT) -> float:
    """Return the memory limit in bytes: the smallest of the own group and those above; else inf.

    Sources: `memory.max` (version 2), `memory.limit_in_bytes` (version 1, where a number near
    2**63 says that there is no limit: compare it with the physical memory).
    """
    limits = [math.inf]
    for folder in _folders(root, "memory"):
        limit = _read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes")
        if limit.isdigit():
            limits.append(int(limit))
    return min(limits)


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """Yield this process's group and those above it, for version 2 and the one of a controller."""
    groups = dict(_groups(root))
    for line in _read(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2) if after.count(" ") >= 2 else ("", "", "")
        if kind not in ("cgroup", "cgroup2"):
            continue
        names = {""} if kind == "cgroup2" else {controller} & set(options.split(","))
        _, _, _, subtree, mount_point, *_ = before.split(" ")
        for name in names & groups.keys():
            group = groups[name]
            if subtree != "/":  # a container that sees the host's names, but only its own part
                group = group.removeprefix(subtree)
            top = root / mount_point.lstrip("/")
            folder = top / group.lstrip("/")
            # A group that is not below this mount is seen as its top: a container's own group.
            yield from (place for place in (folder, *folder.parents) if place.is_relative_to(top))


def _groups(root: Path) -> Iterator[tuple[str, str]]:
    """Yield controller and path of each line of /proc/self/cgroup; version 2 has no controller."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for controller in controllers.split(","):
            yield controller, path


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
