"""The script `golab`, in a copy of the project that needs no packages and so no network."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "golab"

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project.optional-dependencies]
zig = ["ziglang==0.0.0"]
"""

BACKEND = '''\
"""The smallest build backend: an installed command that prints its arguments."""
import zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    info = "tiny-1.dist-info"
    with zipfile.ZipFile(f"{folder}/tiny-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.py", "import sys\\ndef main(): print('ran', *sys.argv[1:])\\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\\ngolab = tiny:main\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return "tiny-1-py3-none-any.whl"
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "a project")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after a first use, which said one line and handed over."""
    folder = make_project(tmp_path_factory.mktemp("ready") / "project")
    answer = start(folder / "golab", "doctor", "two words")
    assert (answer.returncode, answer.stdout) == (0, "ran doctor two words\n")
    assert answer.stderr == "golab: first use, setting up .venv (about a minute)…\n"
    return folder


def make_project(folder: Path) -> Path:
    (folder / "binder").mkdir(parents=True)
    (folder / "binder/requirements.txt").write_text("# nothing\n")
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "backend.py").write_text(BACKEND)
    shutil.copy(SCRIPT, folder / "golab")
    return folder


def environment(**changes: str) -> dict[str, str]:
    """No network, and a "compiler" so that ziglang is not asked for."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"PYTHON": sys.executable, "CC": "cc", "PIP_NO_INDEX": "1"} | changes


def start(
    script: Path, *arguments: str, cwd: Path | None = None, shell: str = "sh", **changes: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [shell, str(script), *arguments],
        cwd=cwd,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=120,
    )


def folder_of(tmp_path: Path, *commands: str) -> str:
    """Return a folder for PATH that holds nothing but these commands."""
    folder = tmp_path / "commands"
    folder.mkdir()
    for command in commands:
        found = shutil.which(command)
        assert found, command
        (folder / command).symlink_to(found)
    return str(folder)


TOOLS = ("sh", "cat", "dirname", "readlink", "head", "sed", "grep", "rm", "mv")


def test_parses_in_sh_and_is_executable() -> None:
    subprocess.run(["sh", "-n", str(SCRIPT)], check=True)
    assert os.access(SCRIPT, os.X_OK)
    assert "zig = [" in (SCRIPT.parent / "pyproject.toml").read_text()


def test_second_use_asks_pip_for_nothing(ready: Path) -> None:
    log = ready / ".venv/install.log"
    before = log.stat().st_mtime_ns
    answer = start(ready / "golab")
    assert (answer.stdout, answer.stderr) == ("ran\n", "")
    assert log.stat().st_mtime_ns == before


def test_works_through_a_symlink_from_another_folder(ready: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere"
    link.symlink_to(ready / "golab")
    assert start(link, "x", cwd=tmp_path, CDPATH=str(ready)).stdout == "ran x\n"


def test_changed_list_is_installed_again(ready: Path) -> None:
    (ready / "binder/requirements.txt").write_text("# still nothing, in other words\n")
    answer = start(ready / "golab")
    assert answer.stdout == "ran\n"
    assert "updating .venv" in answer.stderr
    assert start(ready / "golab").stderr == ""


def test_moved_checkout_is_set_up_again(ready: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(ready, moved, symlinks=True)
    answer = start(moved / "golab")
    assert answer.stdout == "ran\n"
    assert "first use" in answer.stderr
    assert (moved / ".venv/bin/golab").read_text().startswith(f"#!{moved}")


def test_killed_first_use_recovers(project: Path) -> None:
    first = subprocess.Popen(
        ["sh", str(project / "golab")],
        env=environment(),
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while not (project / ".venv/pyvenv.cfg").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert not (project / ".venv/golab-stamp").exists()
    answer = start(project / "golab")
    assert (answer.returncode, answer.stdout) == (0, "ran\n")


def test_two_first_uses_at_once(project: Path) -> None:
    both = [
        subprocess.Popen(
            ["sh", str(project / "golab")],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [stdout for stdout, _ in answers] == ["ran\n", "ran\n"]
    said = "".join(stderr for _, stderr in answers)
    assert said.count("first use") == 1
    assert "waiting for another golab" in said


def test_no_python(project: Path, tmp_path: Path) -> None:
    answer = start(project / "golab", PATH=folder_of(tmp_path, *TOOLS), PYTHON="")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "no Python 3.11 or newer" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_too_old_python(project: Path, tmp_path: Path) -> None:
    path = folder_of(tmp_path, *TOOLS)
    old = Path(path) / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    answer = start(project / "golab", PATH=path, PYTHON="")
    assert (answer.returncode, answer.stderr.count("\n")) == (2, 1)


def test_python_without_ensurepip(project: Path, tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(
        f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1; esac\nexec "{sys.executable}" "$@"\n'
    )
    bare.chmod(0o755)
    answer = start(project / "golab", PYTHON=str(bare))
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "apt install python3-venv" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_no_network_at_first_use(project: Path) -> None:
    (project / "binder/requirements.txt").write_text("surely-not-installed==1\n")
    answer = start(
        project / "golab", PIP_NO_INDEX="0", PIP_INDEX_URL="http://127.0.0.1:9/", PIP_RETRIES="1"
    )
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "connect to the network" in answer.stderr.splitlines()[-1]
    (project / "binder/requirements.txt").write_text("# nothing\n")
    assert start(project / "golab").stdout == "ran\n"


def test_ziglang_is_added_where_there_is_no_compiler(project: Path, tmp_path: Path) -> None:
    answer = start(project / "golab", PATH=folder_of(tmp_path, *TOOLS), CC="")
    assert answer.returncode == 2  # there is no such wheel offline: but it was asked for
    assert "ziglang==0.0.0" in (project / ".venv/install.log").read_text()


def test_read_only_checkout() -> None:
    with TemporaryDirectory() as name:
        folder = make_project(Path(name) / "project")
        Path(name).chmod(0o755)
        folder.chmod(0o555)
        nobody = 65534 if os.geteuid() == 0 else None  # root may write everywhere
        answer = subprocess.run(
            ["sh", str(folder / "golab")],
            user=nobody,
            env=environment(),
            cwd="/",
            capture_output=True,
            text=True,
        )
        folder.chmod(0o755)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "cannot be written to" in answer.stderr
    assert answer.stderr.count("\n") == 1
