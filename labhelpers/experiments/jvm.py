"""Java beside Go, where there is a Java: the same small programs, compiled and run by a JDK."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from labhelpers.errors import LabError
from labhelpers.experiments.probes import run
from labhelpers.paths import cache_dir
from labhelpers.programs import labs_folder
from labhelpers.startup.estimate import median_interval
from labhelpers.table import Table

VARIANTS = {
    "as it comes": (),
    "Serial GC, one compiler": ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    "interpreter only": ("-XX:+UseSerialGC", "-Xint", "-Xmx8m"),
    "the same, no shared archive": ("-XX:+UseSerialGC", "-Xint", "-Xmx8m", "-Xshare:off"),
}
"""Ways to start a Java machine, the later the smaller."""
COLLECTORS = {"G1": "G1", "Serial": "Serial", "ZGC": "Z"}
LOG = "-Xlog:gc,gc+phases=info:stdout"
SEED = 13
LIMIT = "-Xmx400m"


@dataclass(frozen=True)
class JavaPauses:
    """The pauses of a Java machine under load, in ms; `full` those of collections asked for.

    `low` and `high` are the ends of the median's 95 % interval (of both: the median itself, where
    there are fewer than six).
    """

    collector: str
    live_mib: int
    kind: str
    pauses: int
    median_ms: float
    low_ms: float
    high_ms: float
    p90_ms: float
    longest_ms: float


@dataclass(frozen=True)
class JavaFact:
    """Something about Java that was tried: whether it is so, and what was seen."""

    fact: str
    holds: bool
    said: str


def impossible() -> str | None:
    """Return why no Java program can be compiled and run here, in a sentence; None: it can."""
    for name in ("java", "javac"):
        if not shutil.which(name):
            return f"There is no {name} on this machine."
    status, text = run("java", "-version")
    return f"java does not run here ({text.strip()[:60]!r})." if status else None


class Classes:
    """The Java programs of the labs, compiled into a folder that goes when the object does."""

    def __init__(self) -> None:
        """Compile them.

        Raises:
            LabError: javac refuses.
        """
        self._scratch = tempfile.TemporaryDirectory(dir=cache_dir("java"), prefix="classes-")
        self.path = Path(self._scratch.name)
        sources = sorted((labs_folder() / "programs" / "java").glob("*.java"))
        status, text = run("javac", "-d", self.path, *sources)
        if status:
            raise LabError(f"javac refuses the programs in labs/programs/java: {text[:200]!r}")

    def command(self, name: str, *arguments: str, flags: Sequence[str] = ()) -> tuple[str, ...]:
        """Return the command that runs one of them."""
        java = shutil.which("java") or "java"
        return (java, *flags, "-cp", str(self.path), name, *arguments)


@cache
def classes() -> Classes:
    """Return the compiled programs; they are compiled once a session.

    Raises:
        LabError: javac refuses.
    """
    return Classes()


def release() -> str:
    """Return the Java machine's own word for what it is."""
    return run("java", "-version")[1].splitlines()[0].strip()


def pauses(lives: Sequence[int] = (10, 100), milliseconds: int = 500) -> Table[JavaPauses]:
    """Run the load with each collector and size of what lives, and read the collector's log.

    Raises:
        LabError: a run fails.
    """
    rows: Table[JavaPauses] = Table()
    for name, flag in COLLECTORS.items():
        for live in lives:
            flags = (f"-XX:+Use{flag}GC", LIMIT, LOG)
            words = classes().command("Garbage", str(live), str(milliseconds), flags=flags)
            status, text = run(*words)
            if status:
                raise LabError(f"Java with {name} ended with status {status}: {text[-200:]!r}")
            for kind, found in read_pauses(text).items():
                if found:
                    rows.append(_row(name, live, kind, found))
    return rows


def read_pauses(log: str) -> dict[str, list[float]]:
    """Return the pauses in what -Xlog:gc,gc+phases wrote, in ms: under load, and asked for."""
    found: dict[str, list[float]] = {"load": [], "asked for": []}
    asked = {
        own[1] for own in re.finditer(r"GC\((\d+)\) (?:Pause|Garbage)[^\n]*\(System\.gc\(\)\)", log)
    }
    for own in re.finditer(r"GC\((\d+)\) Pause [^\n]*?(\d+[.,]\d+)ms$", log, re.MULTILINE):
        kind = "asked for" if own[1] in asked else "load"
        found[kind].append(float(own[2].replace(",", ".")))
    return found


def empties() -> dict[str, tuple[str, ...]]:
    """Return the commands that run an empty program on Java machines of several sizes.

    Raises:
        LabError: javac refuses.
    """
    return {f"Java, {name}": classes().command("Empty", flags=f) for name, f in VARIANTS.items()}


def facts(threads: int = 50) -> Table[JavaFact]:
    """Try what the article says of tasks in Java.

    Raises:
        LabError: a program does not run.
    """
    pool = "System.out.println(java.util.concurrent.Executors.newFixedThreadPool(2) != null);"
    return Table(
        [
            _threads(threads),
            JavaFact("pools are in the standard library", *_shell(pool)),
            JavaFact("this release has virtual threads", *_shell("Thread.ofVirtual();")),
        ]
    )


def _shell(statement: str) -> tuple[bool, str]:
    """Compile and run one statement; return whether that works."""
    with tempfile.TemporaryDirectory(dir=cache_dir("java"), prefix="try-") as folder:
        file = Path(folder) / "Try.java"
        file.write_text(
            f"public class Try {{ public static void main(String[] a) {{ {statement} }} }}\n"
        )
        status, text = run("java", file)
    return status == 0, (text.strip().splitlines() or ["it compiles and runs"])[0].rpartition(": ")[
        2
    ]


def _threads(count: int) -> JavaFact:
    """Start threads in Java, and count the kernel's threads of that process with and without."""
    seen = []
    for number in (0, count):
        process = subprocess.Popen(
            classes().command("Tasks", str(number)), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            if process.stdout is None or not process.stdout.readline():
                raise LabError("The Java program with threads did not say that they are there.")
            seen.append(len(list(Path(f"/proc/{process.pid}/task").iterdir())))
        finally:
            process.communicate()
    more = seen[1] - seen[0]
    name = "each thread of a program is one of the kernel's"
    # The machine's own threads come and go.
    return JavaFact(name, more >= 0.9 * count, f"{count} started, {more} more in the kernel")


def _row(collector: str, live: int, kind: str, found: Sequence[float]) -> JavaPauses:
    ordered = sorted(found)
    median = ordered[len(ordered) // 2]
    low = high = median
    if len(ordered) >= 6:
        median, (low, high) = median_interval(ordered, SEED)
    p90 = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
    numbers = (round(value, 3) for value in (median, low, high, p90, ordered[-1]))
    return JavaPauses(collector, live, kind, len(ordered), *numbers)
