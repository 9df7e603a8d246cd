"""Real calls of mmap(2), made as several people; what depends on the kernel is asked of it here."""

import ctypes
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments.cbuild import CFolder
from labhelpers.experiments.mmapcalls import (
    FIXED,
    FOLDER,
    HINTS,
    LIMIT_FILE,
    PAGE,
    WAYS,
    Answer,
    Asker,
    Kernel,
    Limits,
    addresses,
    ask,
    ask_everybody,
    cannot_become,
    packed,
    read_limits,
    said,
    size,
    unpacked,
)
from labhelpers.experiments.mmapcost import (
    Difference,
    as_rows,
    cannot_time,
    costs,
    difference,
    from_rows,
    ratio,
    takes,
    time_calls,
)
from labhelpers.experiments.mmaphelper import (
    align_up,
    in_words,
    lift,
    lifted_frame,
    link_without_limit,
    null_page,
    set_map,
)
from labhelpers.toolchain import Toolchain


@pytest.fixture(scope="module")
def work(current_go: Toolchain) -> Iterator[CFolder]:
    with CFolder(FOLDER, current_go) as folder:
        if folder.impossible:
            pytest.skip(folder.impossible)
        yield folder


@pytest.fixture(scope="module")
def limits(work: CFolder) -> Limits:
    return read_limits(work)


def need(folder: CFolder, who: str) -> str:
    if refusal := cannot_become(folder, who):
        pytest.skip(refusal)
    return who


def test_the_limits_are_the_file_and_where_python_sees_its_hint_go(limits: Limits) -> None:
    assert limits.file == int(LIMIT_FILE.read_text())
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    # PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS
    given = libc.mmap(*map(ctypes.c_long, (PAGE, PAGE, 1, 0x22, -1, 0)))
    libc.munmap(ctypes.c_void_p(given), ctypes.c_size_t(PAGE))
    assert given == max(limits.hints, PAGE)
    assert limits.lowest >= limits.file


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(65536, 65536), [0, 4096, 61440, 65536, 69632]),
        (Limits(4096, 65536), [0, 4096, 8192, 61440, 65536, 69632]),
        (Limits(4096, 4096), [0, 4096, 8192]),
        (Limits(0, 4096), [0, 4096, 8192]),
    ],
)
@pytest.mark.skipif(PAGE != 4096, reason="the addresses are those of 4 KB pages")
def test_addresses_lie_around_both_limits(limits: Limits, expected: list[int]) -> None:
    assert addresses(limits) == expected


def test_who_lacks_the_capability_is_refused_orders_only(work: CFolder, limits: Limits) -> None:
    _, answers = ask(work, "powerless", limits)
    for answer in answers:
        below = answer.asked < limits.file
        assert answer.error == ("EPERM" if below and answer.way in FIXED else ""), answer
        if answer.way in HINTS and 0 < answer.asked < limits.hints:
            assert answer.place == "lifted", answer
        if answer.asked >= limits.lowest:
            assert answer.place == "there", answer
    assert {answer.way for answer in answers} == set(WAYS)


@pytest.mark.parametrize("who", ["root", "nobody-with"])
def test_who_has_the_capability_is_refused_nothing(work: CFolder, limits: Limits, who: str) -> None:
    asker, answers = ask(work, need(work, who), limits, ways=("fixed",))
    assert asker.rawio
    assert {answer.text for answer in answers} == {"there"}


def test_in_a_user_namespace_the_capability_does_not_count(work: CFolder, limits: Limits) -> None:
    asker, answers = ask(work, need(work, "namespace"), limits, [0], ["fixed", "hint"])
    assert (asker.user, asker.rawio, asker.sees) == (0, True, limits.file)
    assert asker.opens  # not even opened for writing
    if limits.file:
        assert [answer.text for answer in answers] == ["EPERM", "elsewhere"]


def test_a_misspelt_name_or_way_is_no_answer(work: CFolder) -> None:
    assert cannot_become(work, "powerless") is None
    with pytest.raises(LabError, match="somebody"):
        said(work, "call", "somebody")
    with pytest.raises(LabError, match="call"):
        said(work, "call", "you", "gently:0")


def test_a_record_holds_every_answer(work: CFolder) -> None:
    kernel = ask_everybody(work)
    assert unpacked(packed(kernel)) == kernel
    assert kernel.frame("you").shape == (len(WAYS), len(addresses(kernel.limits)))
    with pytest.raises(LabError, match="no answer"):
        unpacked([])


def test_answers_are_found_by_who_way_and_address() -> None:
    kernel = Kernel("6", Limits(0, 4096), [Asker("you", "6", 0, True, 0, "")], [])
    kernel.answers.append(Answer("you", "hint", 4096, "", "there"))
    assert kernel.text("you", "hint", 4096) == "there"
    assert kernel.text("you", "fixed", 4096) == ""


def test_the_helper_does_not_link_without_what_the_article_leaves_out(work: CFolder) -> None:
    step = link_without_limit(work)
    assert not step.ok
    assert "get_mmap_min_addr" in step.text
    assert str(work.path) not in step.text


def test_the_helper_changes_no_hint_of_a_whole_page(work: CFolder, limits: Limits) -> None:
    rows, occupied = lift(work, "powerless", [PAGE, limits.lowest + PAGE])
    hints = [row for row in rows if row.flag == "hint"]
    assert [row.helper for row in hints] == [row.plain for row in hints]
    assert hints[0].plain == limits.lowest
    if limits.file:
        kept = {row.flag: (row.error, row.kept) for row in occupied}
        assert kept["fixed"] == ("", False)
        assert kept["noreplace"] == ("EEXIST", True)
        assert kept["hint"] == ("", True)


def test_the_helper_makes_a_refusal_where_there_was_none(work: CFolder) -> None:
    rows, _ = lift(work, need(work, "root"), [0])
    order = rows[-1]
    assert (order.flag, order.plain_error, order.plain) == ("fixed", "", 0)
    assert order.helper_error == "EPERM"
    frame = lifted_frame([{**row.__dict__} for row in rows])
    assert list(frame["the helper"])[-1] == "EPERM"


def test_addresses_in_words() -> None:
    words = [in_words(address) for address in (0, 1, 65536, 0x7F0000000000)]
    assert words == ["0", "1 B", "64 KB", "an address of 47 bits"]
    assert size(4096) == "4 KB"


def test_a_null_pointer_leads_somewhere_only_where_page_0_is_mapped(
    work: CFolder, limits: Limits
) -> None:
    if limits.file == 0:
        pytest.skip("the limit of this machine is 0")
    refused = null_page(work, "powerless")
    assert (refused.mapped, refused.read, refused.signal) == (False, False, 11)
    mapped = null_page(work, need(work, "root"))
    assert (mapped.mapped, mapped.read, mapped.signal) == (True, True, 0)


def test_prctl_is_open_to_all_and_no_way_round(work: CFolder, limits: Limits) -> None:
    row = set_map(work, "powerless")
    assert (row.same, row.other, row.changed) == ("", "", True)
    assert row.before == row.after == ("EPERM" if limits.file else "")
    assert row.below == "EINVAL"
    assert row.limit_stays


@pytest.mark.parametrize(
    ("address", "aligned"), [(0, 0), (1, 65536), (65536, 65536), (65537, 131072)]
)
def test_align_up_is_the_next_multiple(address: int, aligned: int) -> None:
    assert align_up(address, 65536) == aligned


def test_costs_come_for_every_kind_and_survive_a_record(work: CFolder, limits: Limits) -> None:
    if why := cannot_time(work, limits):
        pytest.skip(why)
    found = time_calls(work, limits, rounds=8, calls=20)
    assert from_rows(as_rows(found)) == found
    assert {len(values) for values in found.values()} == {8}
    for cost in costs(found):
        assert 0 < cost.low_ns <= cost.median_ns <= cost.high_ns
    assert ratio(found, "anywhere").ratio == 1
    # Nothing is made for a refusal: this holds on every machine, if not by the same factor.
    assert ratio(found, "too-low", "touched").ratio < 1


def test_a_difference_is_taken_round_by_round() -> None:
    base = [10.0, 20, 30, 40, 50, 60]
    gap = difference({"a": [value + 5 for value in base], "b": base}, "a", "b")
    assert (gap.median_ns, gap.low_ns, gap.high_ns) == (5, 5, 5)


def test_what_an_interval_does_not_resolve_stays_open() -> None:
    gap = Difference("a", "b", 1000, 900, 1100)
    assert takes(gap, 1000) is None
    assert takes(gap, 900) is True
    assert takes(gap, 1101) is False


def test_no_time_where_nothing_is_refused(work: CFolder, limits: Limits) -> None:
    assert "0" in (cannot_time(work, replace(limits, file=0)) or "")


def test_nothing_is_recorded_on_a_machine_that_somebody_uses() -> None:
    before = LIMIT_FILE.read_text()
    script = Path(__file__).with_name("record_kernel.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert done.returncode == 1
    assert "nothing was touched" in done.stderr
    assert LIMIT_FILE.read_text() == before
