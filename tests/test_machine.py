import json
import os
import platform
import socket
from pathlib import Path

import pytest

from labhelpers import cgroup, machine

UNLIMITED_V1 = 9223372036854771712


def tree(root: Path, groups: str, mounts: str, files: dict[str, str]) -> Path:
    """Make a folder that looks like `/` as far as control groups go."""
    for name, text in {
        "proc/self/cgroup": groups,
        "proc/self/mountinfo": mounts,
        **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    return root


V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1 = (
    "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
)


def test_this_machine_as_json() -> None:
    here = machine.describe()
    text = json.dumps(here.as_dict())
    assert json.loads(text)["architecture"] == platform.machine()
    assert 1 <= here.usable_cores <= here.cores_online
    assert here.memory_limit_bytes > 0
    assert here.cpu
    assert here.load_average >= 0


def test_tells_nothing_of_the_owner() -> None:
    text = json.dumps(machine.describe().as_dict())
    assert str(Path.home()) not in text
    assert str(Path.cwd()) not in text
    name = socket.gethostname()
    assert len(name) < 5 or name not in text


def test_version_2_quota_is_rounded_up(tmp_path: Path) -> None:
    root = tree(tmp_path, "0::/app", V2, {"app/cpu.max": "150000 100000", "cpu.max": "max 100000"})
    assert cgroup.cores(root) == 1.5
    assert machine.usable_cores(root) == min(2, len(os.sched_getaffinity(0)))


def test_a_parent_may_be_tighter(tmp_path: Path) -> None:
    files = {"a/b/cpu.max": "max 100000", "a/cpu.max": "20000 100000", "a/b/memory.max": "max"}
    root = tree(tmp_path, "0::/a/b", V2, files | {"a/memory.max": "1000000"})
    assert cgroup.cores(root) == 0.2
    assert machine.usable_cores(root) == 1
    assert machine.memory_limit(root) == 1_000_000


def test_version_1(tmp_path: Path) -> None:
    files = {
        "cpu,cpuacct/app/cpu.cfs_quota_us": "100000",
        "cpu,cpuacct/app/cpu.cfs_period_us": "100000",
        "cpu,cpuacct/cpu.cfs_quota_us": "-1",
        "cpu,cpuacct/cpu.cfs_period_us": "100000",
        "memory/app/memory.limit_in_bytes": "5000000",
        "memory/memory.limit_in_bytes": str(UNLIMITED_V1),
    }
    root = tree(tmp_path, "4:memory:/app\n2:cpu,cpuacct:/app\n0::/", V1, files)
    assert cgroup.cores(root) == 1
    assert machine.memory_limit(root) == 5_000_000


def test_version_1_in_a_container_that_sees_the_hosts_names(tmp_path: Path) -> None:
    mounts = "31 30 0:27 /docker/x /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu"
    files = {"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}
    assert cgroup.cores(tree(tmp_path / "a", "2:cpu:/docker/x", mounts, files)) == 0.5
    files["cpu/inner/cpu.cfs_quota_us"] = "10000"
    files["cpu/inner/cpu.cfs_period_us"] = "100000"
    assert cgroup.cores(tree(tmp_path / "b", "2:cpu:/docker/x/inner", mounts, files)) == 0.1
    # A group that is not below the mount at all: what is mounted is the container's own.
    assert cgroup.cores(tree(tmp_path / "c", "2:cpu:/elsewhere", mounts, files)) == 0.5


@pytest.mark.parametrize(
    "files",
    [{}, {"cpu.max": ""}, {"cpu.max": "max 100000"}, {"cpu.max": "1 0"}, {"cpu.max": "a b c"}],
)
def test_no_limit_and_nonsense(tmp_path: Path, files: dict[str, str]) -> None:
    root = tree(tmp_path, "0::/", V2 + "\nnonsense\n - \n", files)
    assert cgroup.cores(root) == float("inf")
    assert machine.usable_cores(root) == len(os.sched_getaffinity(0))


def test_no_proc_at_all(tmp_path: Path) -> None:
    assert cgroup.cores(tmp_path) == float("inf")
    assert machine.memory_limit(tmp_path) > 0


def test_file_systems() -> None:
    assert machine.file_system(Path("/proc/self/status")) == "proc"
    assert machine.file_system(Path("/sys")) == "sysfs"


def test_file_system_of_the_longest_mount(tmp_path: Path) -> None:
    inner = tmp_path / "with blank"
    escaped = str(inner).replace(" ", "\\040")
    mounts = f"1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:9 / {escaped} rw - tmpfs t rw"
    root = tree(tmp_path, "", mounts, {})
    assert machine.file_system(inner / "file", root) == "tmpfs"
    assert machine.file_system(tmp_path / "with", root) == "ext4"


def test_read_ahead_is_a_number_or_unknown() -> None:
    assert machine.read_ahead_kb(Path("/proc")) in (None, 0, 128)
    here = machine.read_ahead_kb(Path.cwd())
    assert here is None or here >= 0


def test_asking_for_perf_leaves_no_descriptor_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert machine.can_open_perf_event() in (True, False)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
