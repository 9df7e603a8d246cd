"""Well-known programs, built and measured like the user's own: the corpus and its record.

`data/corpus.toml` names them, each with its version and with arguments with which it starts and is
done. What was found of a program is kept in two files: `corpus-NAME.json` holds the answer of
`golab advise` and where it comes from, `corpus-NAME.csv.gz` every single start.
"""

import csv
import gzip
import io
import json
import re
import threading
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labhelpers import __version__
from labhelpers.advice.advise import Question, advise
from labhelpers.advice.answer import Advice
from labhelpers.advice.document import advice_document, load_advice
from labhelpers.errors import LabError, Stopped
from labhelpers.files import read_json, write_whole
from labhelpers.modules import find_package, run_go
from labhelpers.paths import cache_dir
from labhelpers.programs import Program
from labhelpers.recorded import data_folder
from labhelpers.startup.estimate import percent
from labhelpers.startup.until import Exit, FirstByte, Until, http, tcp
from labhelpers.study import Progress
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain, toolchain

PREFIX = "corpus-"
LOG_LIMIT = 2000
"""Characters of each build's log that are recorded."""
NAMES = re.compile(r"[a-z0-9][a-z0-9-]*")
VERSION = re.compile(r"v\d+\.\d+\.\d+[\w.+-]*")
KEYS = {"name", "package", "version", "what", "args", "env", "ready"}


@dataclass(frozen=True)
class Entry:
    """One program of the corpus.

    `package` is the import path of its main package, `version` that of its module; `what` says in
    a few words what it is for. It is started with `arguments`, and with `variables` beside the
    environment; `until` says when a start is done.
    """

    name: str
    package: str
    version: str
    what: str
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    until: Until = field(default_factory=Exit)

    @property
    def wanted(self) -> str:
        """What to tell `golab advise`."""
        return f"{self.package}@{self.version}"


@dataclass(frozen=True)
class Summary:
    """One program in a line, for tables.

    `cgo` names the packages that bring cgo in, `linking` says how its default build was linked,
    `megabytes` is that build's size and `warm_ms` its start with the file in the page cache;
    `recommended` is the build to take, and `gain` the ratios of its starts over the default's.
    """

    program: str
    version: str
    cgo: str
    linking: str
    megabytes: float
    warm_ms: float | None
    recommended: str
    gain: str
    does_not_build: str


Bars = Callable[[Entry], AbstractContextManager[Progress]]
"""Opened for each program: what it yields is told how far that program is, as in study.py."""


def load_corpus(names: Sequence[str] = (), file: Path | None = None) -> list[Entry]:
    """Return the programs of `data/corpus.toml` in its order: those of these names, or all.

    Raises:
        LabError: the file cannot be read, an entry is no good, or there is none of such a name.
    """
    file = file or data_folder().parent / "corpus.toml"
    try:
        tables = tomllib.loads(file.read_text()).get("program", [])
    except (OSError, ValueError) as error:
        raise LabError(f"{file.name} cannot be read ({error}): mend it.") from error
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise LabError(f"{file.name} must hold tables named [[program]]: mend it.")
    entries = [_entry(table, number, file.name) for number, table in enumerate(tables, 1)]
    known = [entry.name for entry in entries]
    if twice := [name for name in known if known.count(name) > 1]:
        raise LabError(f"{file.name} has two programs named {twice[0]}: name one otherwise.")
    for name in names:
        if name not in known:
            raise LabError(
                f"There is no program named {name!r} in the corpus: take one of {', '.join(known)}."
            )
    return [entry for entry in entries if not names or entry.name in names]


def _entry(table: Mapping[str, Any], number: int, file: str) -> Entry:
    """Return the entry that a table of the file describes."""
    name = table.get("name")
    if not isinstance(name, str) or not NAMES.fullmatch(name):
        raise LabError(
            f"Program {number} of {file} has no good name ({name!r}): use small letters, digits "
            "and hyphens."
        )

    def refuse(what: str) -> LabError:
        return LabError(f"The program {name} in {file} {what}.")

    if unknown := sorted(table.keys() - KEYS):
        raise refuse(f"has the unknown key {unknown[0]!r}: use {', '.join(sorted(KEYS))}")
    for key in ("package", "version", "what"):
        if not isinstance(table.get(key), str) or not table[key]:
            raise refuse(f"has no {key}: add one")
    if not VERSION.fullmatch(table["version"]):
        raise refuse(
            f"has the version {table['version']!r}: write a whole one, like v1.2.3, since others "
            "change with time"
        )
    arguments, variables = table.get("args", []), table.get("env", {})
    if not isinstance(arguments, list) or not all(isinstance(word, str) for word in arguments):
        raise refuse('has args that are no list of words: write args = ["version"]')
    if not isinstance(variables, dict) or not all(isinstance(v, str) for v in variables.values()):
        raise refuse('has an env that is no table of words: write env = { NAME = "value" }')
    try:
        until = parse_until(table.get("ready", "exit"))
    except LabError as error:
        raise refuse(f"is never ready: {error}".rstrip(".")) from error
    return Entry(
        name=name,
        package=table["package"],
        version=table["version"],
        what=table["what"],
        arguments=tuple(arguments),
        variables=variables,
        until=until,
    )


def parse_until(text: object) -> Until:
    """Return when a start is done: "exit", "first-byte", "tcp HOST:PORT" or "http URL".

    Raises:
        LabError: it is none of them.
    """
    word, _, rest = str(text).partition(" ")
    if word in ("exit", "first-byte") and not rest:
        return Exit() if word == "exit" else FirstByte()
    if word in ("tcp", "http") and rest:
        return tcp(rest) if word == "tcp" else http(rest)
    raise LabError(f"{text!r} is not a moment: write exit, first-byte, tcp HOST:PORT or http URL.")


def untold(entry: Entry) -> AbstractContextManager[Progress]:
    """Tell nobody how far a program is."""
    return nullcontext(lambda stage, more, whole: None)


def run_corpus(
    entries: Sequence[Entry],
    rounds: int | None = None,
    seconds: float = 90.0,
    seed: int | None = None,
    record: bool = False,
    bars: Bars = untold,
    stop: threading.Event | None = None,
) -> tuple[list[Advice], dict[str, str]]:
    """Fetch, build and measure programs one after the other; return the answers and the failures.

    A program that cannot be fetched, built or started is left out, with the reason under its name
    among the failures. Ctrl-C and `stop` end the whole; what was recorded until then stays.

    Args:
        entries: which programs.
        rounds: how often each build is started; None: what fits into `seconds`.
        seconds: for the starts of one program.
        seed: decides the order of the starts; None: a new one for each program.
        record: keep each answer in `data/recorded` as soon as it is there.
        bars: told how far each program is.
        stop: ends the work as soon as it is set.

    Raises:
        Stopped: `stop` was set.
    """
    chain = toolchain("current")
    answers: list[Advice] = []
    failures: dict[str, str] = {}
    for entry in entries:
        if stop and stop.is_set():
            raise Stopped
        try:
            with bars(entry) as progress:
                program = fetch(entry, chain, stop)
                asked = question(entry, program, chain, rounds, seconds, seed)
                answer = advise(asked, progress, stop)
            if answer.interrupted == "Ctrl-C":
                raise KeyboardInterrupt
            if answer.interrupted:
                raise LabError(f"It stopped on the way: {answer.interrupted}")
            if record:
                record_answer(entry, answer, chain, origin(entry, program, chain))
            answers.append(answer)
        except Stopped:
            raise
        except LabError as error:
            failures[entry.name] = str(error)
    return answers, failures


def fetch(entry: Entry, chain: Toolchain, stop: threading.Event | None = None) -> Program:
    """Return an entry's program, named as the entry is; its module is fetched where it is not here.

    Raises:
        LabError: it cannot be fetched.
    """
    return replace(find_package(entry.wanted, chain, stop), name=entry.name)


def question(
    entry: Entry,
    program: Program,
    chain: Toolchain,
    rounds: int | None = None,
    seconds: float = 90.0,
    seed: int | None = None,
) -> Question:
    """Return what to ask of an entry's program."""
    return Question(
        program=program,
        chain=chain,
        package=entry.wanted,
        until=entry.until,
        arguments=entry.arguments,
        variables=entry.variables,
        rounds=rounds,
        seed=seed,
        seconds=seconds,
    )


def origin(entry: Entry, program: Program, chain: Toolchain) -> dict[str, str]:
    """Return where an entry's source is from, and who vouched for it.

    The module's own hash is held against the checksum database when it is fetched (`go help
    module-auth`), those of its dependencies against its go.sum; `go mod verify` then compares what
    lies in the cache with what was fetched.
    """
    alone = {"GOWORK": "off"}
    _, told, _ = run_go(chain, ["list", "-m", "-f", "{{.Path}}"], program.folder, alone)
    module = told.strip() or entry.package
    words = ["mod", "download", "-json", f"{module}@{entry.version}"]
    _, out, _ = run_go(chain, words, cache_dir("go", "tmp"), alone)
    status, told, log = run_go(chain, ["mod", "verify"], program.folder, alone)
    said = (told or log).strip().splitlines()
    return {
        "module": module,
        "version": entry.version,
        "sum": str(json.loads(out).get("Sum", "")) if out.strip() else "",
        "checksum_database": chain.environment().get("GOSUMDB", "sum.golang.org"),
        "go_mod_verify": said[0] if said and not status else f"failed: {' '.join(said[:1])}",
    }


def record_answer(
    entry: Entry, answer: Advice, chain: Toolchain, source: Mapping[str, str]
) -> list[Path]:
    """Write an answer to the recorded results; return its two files.

    No path of this machine is in them: those of the caches are cut to their ends.
    """
    document = advice_document(answer)
    launches = document.pop("launches")
    table = io.StringIO()
    writer = csv.DictWriter(table, list(launches[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(launches)
    for binary in document["binaries"]:
        binary["log"] = binary["log"][:LOG_LIMIT]
    document["entry"] = {
        "name": entry.name,
        "what": entry.what,
        "arguments": list(entry.arguments),
        "variables": dict(entry.variables),
    }
    document["recorded"] = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": f"golab corpus {entry.name} --record",
        "golab": __version__,
        "source": dict(source),
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    files = [data_folder() / f"{PREFIX}{entry.name}{end}" for end in (".json", ".csv.gz")]
    write_whole(files[0], without_paths(text, chain))
    write_whole(files[1], gzip.compress(table.getvalue().encode(), mtime=0))
    return files


def without_paths(text: str, chain: Toolchain) -> str:
    """Return a text with this machine's folders in it replaced by words."""
    own = chain.environment()
    for folder, word in (
        (own["GOMODCACHE"], "GOMODCACHE"),
        (str(chain.goroot), "GOROOT"),
        (str(cache_dir()), "GOLAB_CACHE"),
        (own["HOME"], "HOME"),
    ):
        if len(folder) > 1:  # HOME may be the root folder
            text = re.sub(rf"{re.escape(folder)}(?![\w.-])", word, text)
    # The go command's and the linker's scratch folders have a new name each time.
    text = re.sub(r"GOLAB_CACHE/builds/tmp-\w+", "GOLAB_CACHE/builds/tmp", text)
    return re.sub(r"/[\w./-]*/go-(link|build)(?:-?\d+)?(?=/)", r"go-\1", text)


def load_recorded_answer(name: str) -> tuple[Advice, dict[str, Any]]:
    """Return the recorded answer on one program, and where it comes from.

    Raises:
        LabError: there is no such record.
    """
    file = data_folder() / f"{PREFIX}{name}.json"
    if not file.is_file():
        there = ", ".join(recorded_names()) or "none"
        raise LabError(f"There is no record of a program {name!r}: there are {there}.")
    document = read_json(file)
    with gzip.open(file.with_suffix(".csv.gz"), "rt", newline="") as stream:
        document["launches"] = [
            {k: v if k in ("cache", "command") else _number(v) for k, v in row.items()}
            for row in csv.DictReader(stream)
        ]
    return load_advice(document), {**document["recorded"], "entry": document["entry"]}


def _number(text: str) -> int | None:
    return int(text) if text else None


def recorded_names() -> list[str]:
    """Return the names of the recorded programs: in the corpus's order, then those no longer in it.

    Raises:
        LabError: the corpus cannot be read.
    """
    there = {file.stem.removeprefix(PREFIX) for file in data_folder().glob(f"{PREFIX}*.json")}
    known = [entry.name for entry in load_corpus() if entry.name in there]
    return known + sorted(there.difference(known))


def load_recorded_corpus() -> list[Advice]:
    """Return the recorded answers in the corpus's order."""
    return [load_recorded_answer(name)[0] for name in recorded_names()]


def summaries() -> Table[Summary]:
    """Return a line for each recorded program."""
    return Table(map(summary, load_recorded_corpus()))


def summary(answer: Advice) -> Summary:
    """Return what one wants to know of a program in a line."""
    causes = answer.cgo.causes if answer.cgo else ()
    gains = [f"{cache} {percent(own.ratio)}" for cache, own in answer.recommended.ratios.items()]
    warm = answer.estimates.get("warm")
    return Summary(
        program=answer.program,
        version=answer.package.rpartition("@")[2],
        cgo=", ".join(cause.package for cause in causes) or "none",
        linking=answer.cgo.default_linking if answer.cgo else "",
        megabytes=round((answer.binaries[0].bytes or 0) / 1e6, 1),
        warm_ms=round(warm.median_ms, 2) if warm else None,
        recommended=answer.recommended.config,
        gain=", ".join(gains) or "nothing resolved",
        does_not_build=", ".join(s.step for s in answer.steps if s.answer == "does not build"),
    )
