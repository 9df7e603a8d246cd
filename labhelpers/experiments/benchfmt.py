"""The Go benchmark format, read by its rules: what `go test -bench` prints, and who else writes it.

The format is described in https://go.dev/design/14313-benchmark-format; the rules where it leaves
something open are those of golang.org/x/perf/benchfmt (reader.go): a line that begins with
"Benchmark" must be a result and is an error otherwise, but for a bare name, which `go test -v` puts
before the result; a configuration line is `key: value` with a key in lower case; and every other
line is somebody's output and passed over.
"""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

RESULT, UNIT = "Benchmark", "Unit"
PROCESSORS = re.compile(r"-(\d+)$")
SPACE = "[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
"""What parts fields: unicode.IsSpace of Go, which is less than str.split of Python."""
WHOLE = re.compile(r"[+-]?[0-9]+")
DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|[+-]?inf(inity)?|nan", re.I)
HEXADECIMAL = re.compile(r"[+-]?0x([0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)p[+-]?[0-9]+", re.I)
LARGEST = (1 << 63) - 1


@dataclass(frozen=True)
class Result:
    """One line of results.

    `full_name` is without "Benchmark" and with all the rest, `name` up to the first slash and
    without the number of processors; `parts` are the pieces behind slashes. `values` are the
    measured values by unit, `config` the `key: value` lines that were above this line.
    """

    full_name: str
    iterations: int
    values: Mapping[str, float]
    config: Mapping[str, str]
    line: int

    @property
    def processors(self) -> int:
        """GOMAXPROCS, which the testing package puts behind the name unless it is 1."""
        found = PROCESSORS.search(self.full_name)
        return int(found[1]) if found else 1

    @property
    def name(self) -> str:
        """The name of the benchmark itself."""
        return self._pieces[0]

    @property
    def parts(self) -> tuple[str, ...]:
        """What distinguishes sub-benchmarks: often key=value."""
        return tuple(self._pieces[1:])

    @property
    def _pieces(self) -> list[str]:
        return PROCESSORS.sub("", self.full_name).split("/")


@dataclass(frozen=True)
class Flaw:
    """A line that is no result although it begins like one: its number, from 1, and why."""

    line: int
    message: str


@dataclass(frozen=True)
class Benchmarks:
    """What a text held. `units` are the properties of units that `Unit` lines give."""

    results: tuple[Result, ...]
    flaws: tuple[Flaw, ...]
    units: Mapping[tuple[str, str], str]

    def values(self, name: str, unit: str = "ns/op") -> list[float]:
        """Return the values of one benchmark in one unit, in the order of the text."""
        return [r.values[unit] for r in self.results if r.name == name and unit in r.values]


def parse(text: str) -> Benchmarks:
    """Read a text; a malformed line is a `Flaw` and the lines after it count all the same."""
    config: dict[str, str] = {}
    results: list[Result] = []
    flaws: list[Flaw] = []
    units: dict[tuple[str, str], str] = {}
    for number, whole in enumerate(text.split("\n"), 1):
        line = whole.removesuffix("\r")
        if line.startswith(RESULT):
            try:
                results += _result(line.removeprefix(RESULT), config, number)
            except ValueError as error:
                flaws.append(Flaw(number, str(error)))
        elif re.match(f"{UNIT}({SPACE}|$)", line):
            problems = _unit(_fields(line.removeprefix(UNIT)), units)
            flaws += [Flaw(number, problem) for problem in problems]
        elif pair := key_value(line):
            key, value = pair
            if value:
                config[key] = value
            else:
                config.pop(key, None)
    return Benchmarks(tuple(results), tuple(flaws), MappingProxyType(units))


def key_value(line: str) -> tuple[str, str] | None:
    """Return the key and the value of a configuration line; None: it is none.

    The key begins with a lower-case letter and has neither blanks nor capitals in it; a blank or a
    tab parts it from its value, which may be missing altogether.
    """
    key, colon, value = line.partition(":")
    if not colon or not key[:1].islower() or re.search(SPACE, key):
        return None
    if any(unicodedata.category(character) == "Lu" for character in key):
        return None
    if value and value[0] not in " \t":
        return None
    return key, value.lstrip(" \t")


def _fields(line: str) -> list[str]:
    return [field for field in re.split(f"{SPACE}+", line) if field]


def _result(line: str, config: Mapping[str, str], number: int) -> list[Result]:
    """Return the result of a line without its first word; none where it is a name and no more."""
    if not re.search(SPACE, line):
        return []
    name = re.split(SPACE, line, maxsplit=1)[0]
    fields = _fields(line[len(name) :])
    if not fields:
        raise ValueError("missing iteration count")
    iterations = _whole(fields[0])
    values: dict[str, float] = {}
    measured = fields[1:]
    if not measured:
        raise ValueError("missing measurements")
    for at in range(0, len(measured), 2):
        value = _number(measured[at])
        if at + 1 == len(measured):
            raise ValueError("missing units")
        values[measured[at + 1]] = value
    frozen = MappingProxyType(dict(config))
    return [Result(name, iterations, MappingProxyType(values), frozen, number)]


def _whole(text: str) -> int:
    if not WHOLE.fullmatch(text):
        raise ValueError("parsing iteration count: invalid syntax")
    value = int(text)
    if not -LARGEST - 1 <= value <= LARGEST:
        raise ValueError("parsing iteration count: value out of range")
    return value


def _number(text: str) -> float:
    if not (DECIMAL.fullmatch(text) or HEXADECIMAL.fullmatch(text)):
        raise ValueError("parsing measurement: invalid syntax")
    try:
        value = float.fromhex(text) if "x" in text.lower() else float(text)
    except OverflowError:
        value = math.inf
    if math.isinf(value) and "inf" not in text.lower():
        raise ValueError("parsing measurement: value out of range")
    return value


def _unit(words: Sequence[str], units: dict[tuple[str, str], str]) -> list[str]:
    """Keep the properties of one `Unit` line; return what is wrong with it."""
    if not words:
        return ["missing unit"]
    unit, *properties = words
    problems = []
    for pair in properties:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            problems.append("expected key=value")
        elif units.setdefault((unit, key), value) != value:
            known = units[unit, key]
            problems.append(f"metadata {key} of unit {unit} already set to {known}")
    return problems
