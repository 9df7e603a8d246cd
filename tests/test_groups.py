import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments import groups
from labhelpers.experiments.quota import CORES, deaths, limited, many_cores
from labhelpers.experiments.turns import Talker, say
from labhelpers.toolchain import Toolchain, toolchain

WHERE = Talker("where", ("/bin/cat", "/proc/self/cgroup"), {})


def test_a_group_is_there_for_a_moment() -> None:
    if reason := groups.impossible("cpu"):
        pytest.skip(reason)
    with groups.group("cpu") as folder:
        assert (folder / "cgroup.procs").read_text() == ""
        assert folder.name in say(groups.within(folder, WHERE)).out
        assert folder.name not in say(WHERE).out
    assert not folder.exists()


def test_a_group_goes_away_after_a_failure() -> None:
    if reason := groups.impossible("pids"):
        pytest.skip(reason)
    kept: list[Path] = []

    def fail() -> None:
        with groups.group("pids") as folder:
            kept.append(folder)
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError):
        fail()
    assert not kept[0].exists()


def test_a_limit_that_the_kernel_refuses_is_one_sentence() -> None:
    if reason := groups.impossible("pids"):
        pytest.skip(reason)
    with groups.group("pids") as folder, pytest.raises(LabError, match="is refused"):
        groups.limit(folder, {"pids.max": "many"})


def test_without_a_hierarchy_it_is_said() -> None:
    if os.geteuid() or not shutil.which("unshare"):
        pytest.skip("only root can hide the control groups")
    hide = 'mount -t tmpfs none /sys/fs/cgroup && exec "$0" -c "$1"'
    ask = "from labhelpers.experiments import groups; print(groups.impossible('cpu'))"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", hide, sys.executable, ask],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"the control groups cannot be hidden here: {done.stderr.strip()}")
    assert done.stdout.startswith("No control group can be made here (")


def test_a_quota_decides_in_newer_releases_only(current_go: Toolchain) -> None:
    if reason := groups.impossible("cpu"):
        pytest.skip(reason)
    rows = limited([toolchain("article"), current_go], (0.5, 3.5, 100.0))
    assert {row.cores for row in rows} == {CORES}
    plain = {(row.go, row.quota): row.processors for row in rows if row.setting == "as it comes"}
    assert [plain["1.22.10", quota] for quota in (0.5, 3.5, 100.0)] == [CORES] * 3
    assert [plain[current_go.release, quota] for quota in (0.5, 3.5, 100.0)] == [2, 4, CORES]
    for row in rows:
        if row.setting == "GOMAXPROCS=16":
            assert row.processors == 16
        if row.setting == "GODEBUG=containermaxprocs=0":
            assert row.processors == CORES


@pytest.mark.parametrize("release", ["article", "current"])
def test_a_runtime_believes_what_it_is_told(release: str) -> None:
    says = say(Talker("gmp", (many_cores(toolchain(release)),), {})).out
    assert f"runtime.NumCPU {CORES}\n" in says


def test_one_thread_is_not_enough(current_go: Toolchain) -> None:
    if reason := groups.impossible("pids"):
        pytest.skip(reason)
    one, many = deaths([current_go], (1, 20))
    assert (one.threads, one.status) == (1, 2)
    assert "failed to create new OS thread" in one.words
    assert "newosproc" in one.words
    assert (many.status, many.words) == (0, "hello")
