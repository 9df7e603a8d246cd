"""Which statements of a function are steps, and where their stamps go."""

from labhelpers.runtime.stamps import insert, sites, stamp_function

TEXT = """package runtime

func start() int {
	lockInit(&a, rankA)
	allLock.init(rankB)
	gp := getg()
	x = 10000
	first() // a comment
	if raceenabled {
		raceinit()
	}
	y := unsafe.Sizeof(gp)
	second(y)
	second(x)
	if k := bad(); k {
		throw("bad")
	}
	if cgo {
		throwIfMissing()
		third()
	}
	if small {
		fourth()
	}
	if small {
		fifth()
	} else {
		sixth()
	}
	n := atoi(gogetenv("N"))
	defer seventh()
	go eighth()
	second(n)
	for i := range n {
		ninth(i)
	}
	return tenth()
}
"""


def steps(text: str = TEXT, **rest: str) -> list[str]:
    found = sites(text, "start", **rest)
    assert found is not None
    return [site.step for site in found]


def test_steps_are_named_after_what_is_called() -> None:
    assert steps() == [
        *("lockInit", "first", "second", "bad", "throwIfMissing", "third", "fourth", "fifth"),
        *("gogetenv", "second (2)", "ninth"),
    ]


def test_lines_are_those_of_the_step_itself() -> None:
    found = sites(TEXT, "start") or []
    lines = {site.step: TEXT.splitlines()[site.line - 1].strip() for site in found}
    assert lines["first"] == "first() // a comment"
    assert lines["second"] == "second(y)"
    assert lines["third"] == "third()"
    assert lines["fifth"] == "if small {"


def test_each_step_has_its_stamp_right_behind_it() -> None:
    stamped = stamp_function(TEXT, "start", first=100)
    assert stamped
    assert [line.strip() for line in stamped.text.splitlines() if "golabStamp" in line] == [
        f"golabStamp({100 + number})" for number in range(len(stamped.sites))
    ]
    assert "\tfirst() // a comment\n\tgolabStamp(101)\n\tif raceenabled" in stamped.text
    assert "\tsecond(x)\n\tgolabStamp(102)\n\tif k" in stamped.text
    assert "\t\tthird()\n\t\tgolabStamp(105)\n\t}\n" in stamped.text
    assert "\t\tsixth()\n\t}\n\tgolabStamp(107)\n" in stamped.text


def test_without_the_stamps_it_is_the_text_again() -> None:
    stamped = stamp_function(TEXT, "start")
    assert stamped
    kept = [line for line in stamped.text.splitlines() if "golabStamp" not in line]
    assert kept == TEXT.splitlines()


def test_a_function_on_one_line_is_stamped_too() -> None:
    stamped = stamp_function("package p\n\nfunc f() { a(); b() }\n", "f")
    assert stamped
    assert "{ a(); golabStamp(0); b(); golabStamp(1) }" in stamped.text


def test_it_stops_where_it_is_told() -> None:
    assert steps(until="if small")[-1] == "third"
    assert steps(until="no such statement") == steps()


def test_the_prefix_is_what_sites_are_called_by() -> None:
    assert {site.function for site in sites(TEXT, "start", "boot") or []} == {"boot"}
    assert {site.function for site in sites(TEXT, "start") or []} == {"start"}


def test_no_function_no_stamps() -> None:
    assert sites(TEXT, "stop") is None
    assert stamp_function(TEXT, "stop") is None


def test_edits_are_by_place_in_the_text_before() -> None:
    assert insert("abc", [(3, "!"), (1, "-"), (1, "+"), (0, ">")]) == ">a-+bc!"
