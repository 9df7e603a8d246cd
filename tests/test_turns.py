import os
import sys
from itertools import pairwise

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments.turns import Talker, in_turns, say


def python(name: str, code: str, **environment: str) -> Talker:
    return Talker(name, (sys.executable, "-c", code), environment)


def test_what_it_says_is_kept_and_how_it_ended() -> None:
    said = say(python("both", "import sys; print(1); print(2, file=sys.stderr); sys.exit(3)"))
    assert (said.out, said.err, said.status) == ("1\n", "2\n", 3)


def test_variables_that_steer_go_are_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GODEBUG", "gctrace=1")
    monkeypatch.setenv("GOMAXPROCS", "7")
    code = "import os; print(sorted(n for n in os.environ if n in ('GODEBUG', 'GOMAXPROCS')))"
    assert say(python("none", code)).out == "[]\n"
    assert say(python("one", code, GODEBUG="x")).out == "['GODEBUG']\n"


def test_commands_take_turns_in_changing_order() -> None:
    code = "import time; print(time.monotonic_ns())"
    said = in_turns([python(name, code) for name in "abc"], rounds=6, seed=1)
    times = [[int(answer.out) for answer in own] for own in said]
    rounds = list(zip(*times, strict=True))
    assert all(max(one) < min(next_one) for one, next_one in pairwise(rounds))
    orders = {tuple(sorted(range(3), key=one.__getitem__)) for one in rounds}
    assert len(orders) > 1


def test_a_command_that_fails_ends_the_run_in_one_sentence() -> None:
    with pytest.raises(LabError, match="bad ended with status 4: 'why'"):
        in_turns([python("bad", "import sys; sys.stderr.write('why'); sys.exit(4)")], 2, 1)


def test_a_command_that_does_not_end_is_killed() -> None:
    with pytest.raises(LabError, match="slow could not be run to its end"):
        say(python("slow", "import time; time.sleep(60)"), timeout=0.5)


def test_a_file_that_is_not_there_gives_a_sentence() -> None:
    with pytest.raises(LabError, match="nothing could not be run"):
        say(Talker("nothing", (os.devnull + "/no",), {}))
