"""The Go benchmark format, against texts whose meaning its description gives."""

import math

from hypothesis import given
from hypothesis import strategies as st

from labhelpers.experiments.benchfmt import Flaw, key_value, parse

PRINTED = """goos: linux
goarch: amd64
pkg: golab/cgocost
cpu: AMD EPYC
BenchmarkGoCall
BenchmarkGoCall-2       \t11333868\t         3.970 ns/op
BenchmarkCCall/size=1-2 \t  633788\t        72.64 ns/op\t      16 B/op\t       1 allocs/op
BenchmarkCCall/size=1-2 \t  600000\t        70 ns/op
hello from the program
PASS
ok  \tgolab/cgocost\t1.2s
"""


def test_what_go_test_prints() -> None:
    read = parse(PRINTED)
    assert not read.flaws
    first, second, third = read.results
    assert (first.name, first.parts, first.processors) == ("GoCall", (), 2)
    assert (first.iterations, dict(first.values)) == (11333868, {"ns/op": 3.970})
    assert (second.full_name, second.name) == ("CCall/size=1-2", "CCall")
    assert second.parts == ("size=1",)
    assert dict(second.values) == {"ns/op": 72.64, "B/op": 16.0, "allocs/op": 1.0}
    assert dict(third.config) == {
        **{"goos": "linux", "goarch": "amd64"},
        **{"pkg": "golab/cgocost", "cpu": "AMD EPYC"},
    }
    assert read.values("CCall") == [72.64, 70.0]
    assert read.values("CCall", "B/op") == [16.0]


def test_configuration_holds_for_what_follows_and_an_empty_value_removes_it() -> None:
    read = parse("BenchmarkA 1 1 x\nnote: one\nBenchmarkA 1 1 x\nnote:\nBenchmarkA 1 1 x\n")
    assert [dict(result.config) for result in read.results] == [{}, {"note": "one"}, {}]


def test_what_is_and_what_is_no_configuration_line() -> None:
    assert key_value("key: a value: more ") == ("key", "a value: more ")
    assert key_value("key:") == ("key", "")
    assert key_value("key:\tvalue") == ("key", "value")
    for line in ("Key: value", "two words: value", "kEy: value", "key:value", "no colon", ": x"):
        assert key_value(line) is None, line


def test_a_malformed_line_is_a_flaw_and_the_rest_is_read() -> None:
    lines = {
        "BenchmarkA ": "missing iteration count",
        "BenchmarkA many 1 ns/op": "parsing iteration count: invalid syntax",
        "BenchmarkA 99999999999999999999 1 ns/op": "parsing iteration count: value out of range",
        "BenchmarkA 10": "missing measurements",
        "BenchmarkA 10 fast ns/op": "parsing measurement: invalid syntax",
        "BenchmarkA 10 1e999 ns/op": "parsing measurement: value out of range",
        "BenchmarkA 10 0x1p9999 ns/op": "parsing measurement: value out of range",
        "BenchmarkA 10 1 ns/op 2": "missing units",
        "Unit ": "missing unit",
        "Unit ns/op better": "expected key=value",
    }
    read = parse("\n".join([*lines, "BenchmarkB 10 1 ns/op\r"]))
    assert [flaw.message for flaw in read.flaws] == list(lines.values())
    assert [flaw.line for flaw in read.flaws] == list(range(1, len(lines) + 1))
    assert read.values("B") == [1.0]


def test_units_have_properties_and_keep_the_first() -> None:
    read = parse("Unit ns/op better=lower assume=nothing\nUnit ns/op better=higher\nUnits: no\n")
    assert dict(read.units) == {("ns/op", "better"): "lower", ("ns/op", "assume"): "nothing"}
    assert read.flaws == (Flaw(2, "metadata better of unit ns/op already set to lower"),)


def test_numbers_that_go_writes() -> None:
    read = parse("BenchmarkA 1 .5 a 5. b 1e3 c +Inf d NaN e 0x1p-2 f -0.25 g")
    values = read.results[0].values
    assert [values[unit] for unit in "abcfg"] == [0.5, 5.0, 1000.0, 0.25, -0.25]
    assert values["d"] == math.inf
    assert math.isnan(values["e"])
    assert parse("BenchmarkA 1 1_0 ns/op").flaws
    assert parse("BenchmarkA 1 ٣ ns/op").flaws


NAMES = st.from_regex(r"[A-Z][A-Za-z]{0,8}(/[a-z]=[0-9]{1,3}){0,2}(-[1-9][0-9]?)?", fullmatch=True)
VALUES = st.dictionaries(
    st.from_regex(r"[A-Za-z]{1,4}/[a-z]{1,3}", fullmatch=True),
    st.floats(allow_nan=False),
    min_size=1,
    max_size=4,
)


@given(st.lists(st.tuples(NAMES, st.integers(0, 2**63 - 1), VALUES), max_size=5))
def test_what_is_written_is_read(results: list[tuple[str, int, dict[str, float]]]) -> None:
    lines = [
        "\t".join([f"Benchmark{name}", str(count), *(f"{v} {unit}" for unit, v in values.items())])
        for name, count, values in results
    ]
    read = parse("\n".join(lines))
    assert not read.flaws
    assert [(r.full_name, r.iterations, dict(r.values)) for r in read.results] == results


@given(st.text(alphabet="BenchmarkUit: \t\n1x.=_-é\x1c\xa0", max_size=80))
def test_no_text_is_too_odd(text: str) -> None:
    read = parse(text)
    lines = [result.line for result in read.results] + [flaw.line for flaw in read.flaws]
    assert all(1 <= line <= text.count("\n") + 1 for line in lines)
