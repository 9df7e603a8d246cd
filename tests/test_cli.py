"""The command as people type it: exit status, one sentence on standard error, nothing left."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import WriteProgram
from helpers import gone, names

from labhelpers.documents import load_study
from labhelpers.programs import bundled_programs

GOLAB = Path(sys.executable).with_name("golab")
Done = subprocess.CompletedProcess[str]
SMALL = ("--programs", "empty", "--go", "current", "--configs", "strip,trim", "--rounds", "12")


def golab(*arguments: str | Path, folder: Path | None = None, **more: str) -> Done:
    return subprocess.run(
        [GOLAB, *arguments],
        cwd=folder,
        env={**os.environ, **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


def refused(done: Done, status: int = 2) -> str:
    """Check that a command failed with one sentence, and return the sentence."""
    assert done.returncode == status, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("golab: ")
    return lines[0]


def document(done: Done) -> dict[str, object]:
    """Check that a command printed one JSON document and nothing else, and return it."""
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def until(condition: Callable[[], object], process: "subprocess.Popen[str]") -> None:
    """Wait until something holds, while a process runs."""
    for _ in range(3000):
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError("waited in vain")


# Help and start-up


@pytest.mark.parametrize(
    "command", [(), ("measure",), ("build",), ("reproduce",), ("doctor",), ("test",)]
)
def test_help(command: tuple[str, ...]) -> None:
    done = golab(*command, "--help")
    assert done.returncode == 0
    assert "Usage: golab" in done.stdout
    assert not done.stderr


HEAVY = ["numpy", "scipy", "pandas", "matplotlib", "IPython", "nbclient", "tqdm", "jupyterlab"]


@pytest.mark.parametrize("code", ["import labhelpers", "import labhelpers.cli"])
def test_heavy_libraries_load_where_they_are_used(code: str) -> None:
    text = f"{code}; import sys; print([n for n in {HEAVY} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_help_loads_no_heavy_library() -> None:
    text = (
        "import sys; sys.argv = ['golab', '--help']\nfrom labhelpers.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('heavy:', [n for n in {HEAVY} if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert done.stdout.endswith("heavy: []\n")


@pytest.mark.parametrize("arguments", [("nonsense",), ("--nonsense",), ("measure",), ("build",)])
def test_wrong_use_names_the_help(arguments: tuple[str, ...]) -> None:
    done = golab(*arguments)
    assert done.returncode == 2
    assert "--help" in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


# golab measure


def test_measure_prints_a_table() -> None:
    done = golab("measure", "true", "sleep 0.1", "--rounds", "6", "--seed", "3")
    assert done.returncode == 0
    assert "sleep 0.1" in done.stdout
    assert "slower" in done.stdout
    assert "6 rounds, warm, seed 3" in done.stdout
    assert not done.stderr


def test_measure_writes_json_and_nothing_else() -> None:
    found = document(
        golab("measure", "true", "sleep 0.1", "--rounds", "6", "--seed", "3", "--json", "-")
    )
    assert found["schema"] == "golab/measure/1"
    assert found["seed"] == 3
    assert found["commands"] == ["true", "sleep 0.1"]
    comparisons = found["comparisons"]
    assert isinstance(comparisons, list)
    (compared,) = comparisons
    assert compared.keys() == {"baseline", "candidate", "ratio", "ci95", "floor", "verdict"}
    assert compared["verdict"] == "slower"
    assert {"command", "median_ms", "ci95_ms"} == found["estimates"][0].keys()  # type: ignore[index]
    launches = found["launches"]
    assert isinstance(launches, list)
    assert len(launches) == 6 * 3
    wanted = {"round", "position", "command", "wall_ns", "user_us", "sys_us"}
    assert wanted | {"minor_faults", "major_faults"} <= launches[0].keys()


def test_measure_writes_json_to_a_file_and_the_table_to_the_screen(tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    done = golab("measure", "true", "--rounds", "6", "--json", file)
    assert "6 rounds" in done.stdout
    assert json.loads(file.read_text())["schema"] == "golab/measure/1"
    assert names(tmp_path) == ["out.json"]


def test_the_same_seed_gives_the_same_order() -> None:
    orders = []
    for _ in range(2):
        same = ("--rounds", "6", "--seed", "9", "--json", "-")
        found = document(golab("measure", "true", "true 1", "true 2", *same))
        orders.append([launch["command"] for launch in found["launches"]])  # type: ignore[attr-defined]
    assert orders[0] == orders[1]


def test_a_cold_measurement(tmp_path: Path) -> None:
    program = tmp_path / "true"
    program.write_bytes(Path("/bin/true").read_bytes())
    program.chmod(0o755)
    done = golab("measure", str(program), "--rounds", "6", "--cache", "cold", "--json", "-")
    if done.returncode == 2:
        assert "RAM disk" in refused(done)
        pytest.skip("the temporary folder is a RAM disk")
    assert {row["pages_read"] > 0 for row in document(done)["launches"]} == {True}  # type: ignore[attr-defined]


def test_a_gate_that_holds_and_one_that_does_not() -> None:
    slow = ("measure", "true", "sleep 0.05", "--rounds", "6")
    message = refused(golab(*slow, "--gate", "1.1", "--json", "-"), status=1)
    assert "gate of 1.1 does not hold for sleep 0.05" in message
    assert golab(*slow, "--gate", "100000").returncode == 0
    assert golab("measure", "sleep 0.05", "true", "--rounds", "6", "--gate", "1").returncode == 0


def test_a_gate_still_writes_its_document(tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    slow = ("measure", "true", "sleep 0.05", "--rounds", "6")
    assert golab(*slow, "--gate", "1.1", "--json", file).returncode == 1
    assert json.loads(file.read_text())["comparisons"][0]["ratio"] > 1.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("true", "--rounds", "1"), "1 round cannot give .*at least 6"),
        (("true", "--rounds", "0"), "at least 6"),
        (("true", "--rounds", "-3"), "at least 6"),
        (("true", "--cache", "lukewarm"), "no cache state 'lukewarm'"),
        (("true", "--cache", ""), "no cache state"),
        (("true", "--cache", "warm,cold"), "one cache state"),
        (("true", "--seed", "-1"), "-1 cannot be a seed"),
        (("no-such-program-anywhere",), "no executable program 'no-such-program-anywhere'"),
        (("/nowhere/program",), "no executable program '/nowhere/program'"),
        (("/etc/passwd",), "no executable program '/etc/passwd'"),
        (("/",), "no executable program '/'"),
        (("",), "A command is empty"),
        (("   ",), "A command is empty"),
        (("echo 'open",), "check its quotes"),
        (("true", "true"), "same name"),
        (("true", "true (again)"), "same name"),
        (("false",), "false exited with status 1"),
        (("true", "sh -c 'exit 7'", "--rounds", "6"), "exited with status 7"),
        (("sh -c 'kill -9 $$'",), "ended by signal 9"),
        (("sleep 600", "--timeout", "0.2"), "did not end within 0.2 s"),
        (("true", "--rounds", "6", "--json", "/nowhere/out.json"), "folder /nowhere is not there"),
    ],
)
def test_measure_refuses_in_one_sentence(arguments: tuple[str, ...], message: str) -> None:
    done = golab("measure", *arguments)
    assert re.search(message, refused(done)), done.stderr
    assert not done.stdout


@pytest.mark.parametrize("number", ["nan", "inf", "-1", "0", "soon"])
def test_a_time_limit_that_is_none(number: str) -> None:
    done = golab("measure", "true", "--rounds", "6", "--timeout", number)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "timeout" in done.stderr


def test_a_program_that_is_no_program(program: WriteProgram) -> None:
    file = program("garbage", "\x7fELF and nothing more")
    assert "could not be started" in refused(golab("measure", str(file)))


def test_a_program_that_prints_a_gigabyte_is_measured_like_any_other() -> None:
    done = golab("measure", "head -c 1000000000 /dev/zero", "--rounds", "6")
    assert done.returncode == 0
    assert len(done.stdout) < 2000


def test_a_program_that_disappears_keeps_the_whole_rounds(
    program: WriteProgram, tmp_path: Path
) -> None:
    file = program("vanishing", f"#!/bin/sh\necho >> '{tmp_path}/count'\n")
    out = tmp_path / "out.json"
    arguments = ["measure", str(file), "--rounds", "100000", "--json", str(out)]
    process = subprocess.Popen(
        [GOLAB, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    count = tmp_path / "count"
    until(lambda: count.exists() and count.stat().st_size > 60, process)
    file.unlink()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "vanishing" in said.splitlines()[-1]
    assert said.count("\n") == 1
    found = json.loads(out.read_text())
    assert found["rounds"] >= 25
    assert len(found["launches"]) == 2 * found["rounds"]
    assert "vanishing" in found["interrupted"]


def test_a_program_that_disappears_at_once_is_one_sentence(
    program: WriteProgram, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    file = program("vanishing", '#!/bin/sh\nrm -f "$0"\n')
    done = golab("measure", str(file), "--rounds", "6", "--json", out)
    assert "vanishing" in refused(done)
    assert not out.exists()


# Ctrl-C


def ctrl_c(*arguments: str, ready: Callable[[], object]) -> tuple[int, str, str]:
    """Run golab, press Ctrl-C as soon as it is ready, and return status, output and errors."""
    process = subprocess.Popen(
        [GOLAB, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until(ready, process)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    return process.returncode, out, said


def test_ctrl_c_keeps_the_whole_rounds_and_leaves_no_process(
    program: WriteProgram, tmp_path: Path
) -> None:
    pids, out = tmp_path / "pids", tmp_path / "out.json"
    file = program("slow", f"#!/bin/sh\necho $$ >> '{pids}'\nexec sleep 0.02\n")
    status, text, said = ctrl_c(
        *("measure", str(file), "--rounds", "100000", "--json", str(out)),
        ready=lambda: pids.exists() and pids.read_text().count("\n") > 30,
    )
    assert status == 130
    assert said == "golab: ended by Ctrl-C; the whole rounds were kept.\n"
    assert "cut short by Ctrl-C" in text
    found = json.loads(out.read_text())
    assert found["interrupted"] == "Ctrl-C"
    assert found["rounds"] >= 6
    assert len(found["launches"]) == 2 * found["rounds"]
    assert found["estimates"]
    assert all(gone(int(pid)) for pid in pids.read_text().split())
    assert names(tmp_path) == ["out.json", "pids", "slow"]


def test_ctrl_c_before_the_first_round_leaves_no_process(
    program: WriteProgram, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    file = program("stuck", f"#!/bin/sh\nsleep 600 & echo $$ $! > '{pids}'\nwait\n")
    status, _, said = ctrl_c(
        *("measure", str(file), "--timeout", "500"),
        ready=lambda: pids.exists() and pids.read_text().endswith("\n"),
    )
    assert status == 130
    assert said.startswith("golab: ended by Ctrl-C")
    assert said.count("\n") == 1
    assert all(gone(int(pid)) for pid in pids.read_text().split())


@pytest.mark.parametrize("moment", [0.02, 0.1, 0.2, 0.35, 0.6, 0.9])
def test_ctrl_c_at_any_moment(tmp_path: Path, moment: float) -> None:
    out = tmp_path / "out.json"
    begin = time.monotonic()
    process = subprocess.Popen(
        [GOLAB, "measure", "true", "--rounds", "100000", "--json", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while time.monotonic() - begin < moment:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    # Before Python has set its handler the signal ends it as it ends any program.
    assert process.returncode in (130, -signal.SIGINT, 1)
    if out.exists():
        assert json.loads(out.read_text())["interrupted"] == "Ctrl-C"
    assert {"out.json"} >= set(names(tmp_path))
    assert not processes_in_session(process.pid)


def processes_in_session(session: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def test_ctrl_c_in_an_experiment_keeps_what_was_finished(tmp_path: Path) -> None:
    from labhelpers.paths import cache_dir

    before = set(cache_dir("runs").iterdir())
    out = tmp_path / "result"
    small = [*SMALL[:-1], "100000", "--cache", "warm", "--out", str(out)]

    def started() -> bool:
        new = set(cache_dir("runs").iterdir()) - before
        return any(list(folder.glob("empty-*-trim")) for folder in new)

    process = subprocess.Popen(
        [GOLAB, "reproduce", *small], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until(started, process)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    text, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "golab: ended by Ctrl-C; the whole rounds were kept."
    assert "rounds, seed" in text
    found = json.loads(out.with_suffix(".json").read_text())
    assert found["interrupted"] == "Ctrl-C"
    assert len(found["launches"]) == 4 * found["rounds"]
    assert names(tmp_path) == ["result.json"]


# golab build


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "tool"
    folder.mkdir()
    (folder / "go.mod").write_text("module example.org/tool\n\ngo 1.21\n")
    (folder / "main.go").write_text("package main\n\nfunc main() {}\n")
    return folder


def test_build_shows_the_command_and_the_file(tmp_path: Path) -> None:
    out = tmp_path / "hello"
    done = golab("build", "hello", "--config", "strip", "-o", out)
    assert done.returncode == 0
    assert "go build -buildvcs=false -trimpath '-ldflags=-s -w' -o hello ." in done.stdout
    assert subprocess.run([out], capture_output=True, text=True).stdout == "hello\n"
    assert names(tmp_path) == ["hello"]


def test_build_writes_json_and_nothing_else() -> None:
    found = document(golab("build", "hello", "--json", "-"))
    assert found["schema"] == "golab/build/1"
    assert {"program", "config", "go", "bytes", "sha256", "command", "error"} <= found.keys()
    assert found["error"] is None


def test_single_switches_are_added_to_a_configuration() -> None:
    found = document(
        golab(
            *("build", "hello", "--config", "strip", "--cgo", "0", "--tags", "a,b"),
            *("--gcflags=-l", "--ldflags=-X main.x=1", "--json", "-"),
        )
    )
    command = str(found["command"])
    assert "CGO_ENABLED=0" in command
    assert "-tags=a,b" in command
    assert "-gcflags=-l" in command
    assert "'-ldflags=-s -w -X main.x=1'" in command


def test_build_does_not_overwrite_unless_asked(tmp_path: Path) -> None:
    out = tmp_path / "precious"
    out.write_text("mine")
    assert "is there already" in refused(golab("build", "hello", "-o", out))
    assert out.read_text() == "mine"
    assert golab("build", "hello", "-o", out, "--force").returncode == 0
    assert out.stat().st_size > 100_000


def test_build_does_not_replace_what_is_no_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "no ordinary file" in refused(golab("build", "hello", "-o", pipe, "--force"))
    assert pipe.is_fifo()
    assert "no ordinary file" in refused(golab("build", "hello", "-o", tmp_path, "--force"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nonsense",), "no program named 'nonsense'"),
        (("/",), "holds no Go file"),
        (("hello", "--config", "nonsense"), "no configuration named 'nonsense'"),
        (("hello", "--go", "nonsense"), "'nonsense' is no Go release"),
        (("hello", "-o", "/nowhere/out"), "folder /nowhere is not there"),
        (("hello", "--json", "/nowhere/out"), "folder /nowhere is not there"),
    ],
)
def test_build_refuses_in_one_sentence(arguments: tuple[str, ...], message: str) -> None:
    done = golab("build", *arguments)
    assert message in refused(done)
    assert not done.stdout


def test_choices_are_listed() -> None:
    said = refused(golab("build", "nonsense"))
    assert all(name in said for name in bundled_programs())
    said = refused(golab("build", "hello", "--config", "nonsense"))
    assert "strip+external+trim-tags" in said


def test_code_that_does_not_compile_fails_with_the_compilers_words(
    package: Path, tmp_path: Path
) -> None:
    (package / "main.go").write_text("package main\n\nfunc main() { nonsense() }\n")
    out = tmp_path / "out"
    said = refused(golab("build", str(package), "-o", out), status=1)
    assert "./main.go:3:15: undefined: nonsense" in said
    assert not out.exists()


def test_a_build_that_cannot_succeed_is_printed_and_fails() -> None:
    done = golab("build", "hello", "--config", "external+trim", "--json", "-")
    assert "cgo" in refused(done, status=1)
    assert json.loads(done.stdout)["error"]


def test_a_read_only_cache_is_one_sentence() -> None:
    done = golab("build", "hello", GOLAB_CACHE="/proc/golab")
    assert "set GOLAB_CACHE" in refused(done)


# golab reproduce


def test_a_small_experiment(tmp_path: Path) -> None:
    out = tmp_path / "result"
    done = golab("reproduce", *SMALL, "--seed", "4", "--no-html", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "VERDICT" in done.stdout
    assert "12 rounds, seed 4" in done.stdout
    assert done.stderr == f"golab: wrote {out}.json\n"
    assert names(tmp_path) == ["result.json"]
    own = load_study(json.loads((tmp_path / "result.json").read_text()))
    assert (own.seed, own.rounds, own.configs) == (4, 12, ["default", "strip", "trim"])


def test_an_experiment_as_json_and_nothing_else(tmp_path: Path) -> None:
    arguments = ("reproduce", *SMALL, "--cache", "warm", "--no-html", "--json", "-")
    found = document(golab(*arguments, folder=tmp_path))
    assert found["schema"] == "golab/reproduce/1"
    assert names(tmp_path) == [f"golab-reproduce-{found['seed']}.json"]


def test_two_experiments_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    running = [
        subprocess.Popen(
            [GOLAB, "reproduce", *SMALL, "--no-html", "--out", str(tmp_path / name)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for process in running:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    assert names(tmp_path) == ["one.json", "two.json"]


@pytest.mark.parametrize("name", ["result.json", "result.html"])
def test_a_result_is_not_overwritten_unless_asked(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    done = golab("reproduce", *SMALL, "--out", tmp_path / "result")
    assert "is there already: name another, or add --force" in refused(done)
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--programs", "hello,nonsense"), "no program named 'nonsense'"),
        (("--configs", "nonsense"), "no configuration named 'nonsense'"),
        (("--configs", "default"), "nothing to compare"),
        (("--go", "nonsense"), "'nonsense' is no Go release"),
        (("--cache", "lukewarm"), "no cache state 'lukewarm'"),
        (("--rounds", "1"), "1 round cannot give"),
        (("--rounds", "11"), "at least 12"),
        (("--seed", "-1"), "-1 cannot be a seed"),
        (("--out", "/nowhere/result"), "folder /nowhere is not there"),
        (("--json", "/nowhere/result"), "folder /nowhere is not there"),
        (
            ("--programs", "empty", "--go", "current", "--configs", "external+trim"),
            "as default only",
        ),
    ],
)
def test_reproduce_refuses_in_one_sentence(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    done = golab("reproduce", *arguments, folder=tmp_path)
    assert message in refused(done)
    assert not done.stdout
    assert not names(tmp_path)


def test_the_users_own_program_takes_part(package: Path, tmp_path: Path) -> None:
    out = tmp_path / "result"
    arguments = ("--programs", str(package), *SMALL[2:], "--cache", "warm", "--no-html")
    done = golab("reproduce", *arguments, "--out", out)
    assert done.returncode == 0, done.stderr
    assert json.loads(out.with_suffix(".json").read_text())["programs"] == ["tool"]
