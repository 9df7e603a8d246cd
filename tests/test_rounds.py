import contextlib
import gc
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic import timing

from labhelpers.errors import LabError
from labhelpers.startup.measure import measure
from labhelpers.startup.rounds import PAD_LIMIT, Block, Launch, Run, run_blocks
from labhelpers.startup.spawn import Command, LaunchFailed, Timing


class Recorder:
    """A launcher that starts nothing and notes what it was told to start."""

    def __init__(self, fail_at: int | None = None, error: BaseException | None = None) -> None:
        self.started: list[tuple[str, str | None]] = []
        self.fail_at, self.error = fail_at, error

    def __call__(self, command: Command, timeout: float, environment: Mapping[str, str]) -> Timing:
        if self.error and len(self.started) == self.fail_at:
            raise self.error
        self.started.append((command.name, environment.get("GOLAB_PAD")))
        return timing(1e6 + len(self.started))

    def names(self) -> list[str]:
        return [name for name, _ in self.started]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "program"
    file.write_bytes(b"x" * 5000)
    return file


def block(file: Path, names: str, label: str = "") -> Block:
    commands = tuple(Command(name, (str(file), name), environment={}) for name in names)
    return Block(commands, label=label)


def whole_rounds(run: Run, blocks: list[Block]) -> bool:
    return all(
        Counter((x.round, x.command) for x in launches)
        == Counter((r, c.name) for r in range(run.rounds) for c in own.commands)
        for launches, own in zip(run.launches, blocks, strict=True)
    )


def order_of(launches: list[Launch]) -> list[str]:
    return [launch.command for launch in launches]


def test_every_command_starts_once_a_round(file: Path) -> None:
    blocks = [block(file, "abcd"), block(file, "xyz")]
    recorder = Recorder()
    run = run_blocks(blocks, 20, 1, launcher=recorder)
    assert run.rounds == 20
    assert run.interrupted is None
    assert whole_rounds(run, blocks)
    for number in range(20):
        positions = [x.position for x in run.launches[0] if x.round == number]
        assert positions == [0, 1, 2, 3]


def test_every_command_starts_once_before_the_clock_counts(file: Path) -> None:
    recorder = Recorder()
    run_blocks([block(file, "abc")], 2, 1, launcher=recorder)
    before = recorder.started[:3]
    assert sorted(before) == [("a", None), ("b", None), ("c", None)]
    assert all(pad is not None for _, pad in recorder.started[3:])


def test_the_seed_decides_the_order(file: Path) -> None:
    orders = []
    for seed in (1, 1, 2):
        recorder = Recorder()
        run_blocks([block(file, "abcd"), block(file, "wxyz")], 10, seed, launcher=recorder)
        orders.append(recorder.started)
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]


def test_no_position_is_preferred(file: Path) -> None:
    run = run_blocks([block(file, "abcd")], 800, 3, launcher=Recorder())
    counts = Counter((x.command, x.position) for x in run.launches[0])
    # Each of 16 counts is binomial(800, 1/4): mean 200, standard deviation 12.
    assert all(abs(counts[name, position] - 200) < 60 for name in "abcd" for position in range(4))


def test_no_command_follows_another_more_often_than_the_reverse(file: Path) -> None:
    run = run_blocks([block(file, "abcd")], 800, 4, launcher=Recorder())
    order = order_of(run.launches[0])
    rounds = [order[start : start + 4] for start in range(0, len(order), 4)]
    first = sum(own.index("a") < own.index("b") for own in rounds)
    assert abs(first - 400) < 75


def test_all_commands_of_a_round_get_the_same_environment(file: Path) -> None:
    recorder = Recorder()
    run_blocks([block(file, "abc"), block(file, "xy")], 30, 5, launcher=recorder)
    pads = [pad for _, pad in recorder.started[5:]]
    rounds = [set(pads[i : i + 5]) for i in range(0, len(pads), 5)]
    assert len(rounds) == 30
    assert all(len(own) == 1 for own in rounds)
    sizes = {len(pad or "") for own in rounds for pad in own}
    assert len(sizes) > 20
    assert max(sizes) < PAD_LIMIT


def test_a_commands_own_environment_is_kept(file: Path) -> None:
    seen = []

    def launcher(command: Command, timeout: float, environment: Mapping[str, str]) -> Timing:
        seen.append(environment["MINE"])
        return timing(1e6)

    command = Command("a", (str(file),), environment={"MINE": "1"})
    run_blocks([Block((command,))], 3, 1, launcher=launcher)
    assert seen == ["1"] * 4


def test_blocks_take_turns_in_random_order_and_stay_together(file: Path) -> None:
    recorder = Recorder()
    run_blocks([block(file, "ab"), block(file, "mn"), block(file, "xy")], 60, 6, launcher=recorder)
    names = "".join(recorder.names()[6:])
    orders = []
    for number in range(60):
        own = names[6 * number : 6 * number + 6]
        groups = ["".join(sorted(own[i : i + 2])) for i in (0, 2, 4)]
        assert sorted(groups) == ["ab", "mn", "xy"]
        orders.append(tuple(groups))
    assert len(set(orders)) == 6


@pytest.mark.parametrize("within", range(6))
def test_ctrl_c_keeps_exactly_the_whole_rounds(file: Path, within: int) -> None:
    blocks = [block(file, "abc"), block(file, "xyz")]
    recorder = Recorder(fail_at=6 + 6 * 7 + within, error=KeyboardInterrupt())
    run = run_blocks(blocks, 20, 1, launcher=recorder)
    assert run.rounds == 7
    assert run.interrupted == "Ctrl-C"
    assert run.failure is None
    assert whole_rounds(run, blocks)


@pytest.mark.parametrize("call", range(1, 13))
def test_ctrl_c_between_launches_keeps_exactly_the_whole_rounds(file: Path, call: int) -> None:
    """The progress bar and its drawing take time too, and are as good a moment for Ctrl-C."""
    blocks = [block(file, "abc"), block(file, "xyz")]
    calls = 0

    def progress(launches: int, whole: int) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt

    run = run_blocks(blocks, 20, 1, progress=progress, launcher=Recorder())
    assert run.rounds == (call - 1) // 2
    assert whole_rounds(run, blocks)


def test_ctrl_c_while_a_round_is_put_away_keeps_no_part_of_it(file: Path) -> None:
    class Sore(list[Launch]):
        def extend(self, new: object) -> None:
            if len(self) == 6:
                raise KeyboardInterrupt
            super().extend(new)  # type: ignore[arg-type]

    blocks = [block(file, "ab"), block(file, "xy")]

    def launcher(command: Command, timeout: float, environment: Mapping[str, str]) -> Timing:
        return timing(1e6)

    # The second block's list refuses its fourth round, when the first block already has its own.
    made: list[Run] = []
    original = Run.__init__

    def planted(self: Run, launches: list[list[Launch]]) -> None:
        original(self, launches)
        self.launches[1] = Sore()
        made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "__init__", planted)
        run = run_blocks(blocks, 20, 1, launcher=launcher)
    assert run is made[0]
    assert run.rounds == 3
    assert whole_rounds(run, blocks)


@pytest.mark.parametrize("launch", [0, 2, 3, 5])
def test_a_failure_before_the_first_whole_round_raises(file: Path, launch: int) -> None:
    recorder = Recorder(fail_at=launch, error=LaunchFailed("a exited with status 3"))
    with pytest.raises(LaunchFailed, match="status 3"):
        run_blocks([block(file, "abc")], 20, 1, launcher=recorder)


def test_a_failure_afterwards_keeps_the_whole_rounds(file: Path) -> None:
    blocks = [block(file, "abc")]
    recorder = Recorder(fail_at=3 + 3 * 4 + 1, error=LaunchFailed("a exited with status 3"))
    run = run_blocks(blocks, 20, 1, launcher=recorder)
    assert run.rounds == 4
    assert whole_rounds(run, blocks)
    assert isinstance(run.failure, LaunchFailed)
    assert run.interrupted == "a exited with status 3"


@pytest.mark.parametrize("cache", ["warm", "cold"])
def test_a_program_that_disappears_is_named(tmp_path: Path, cache: str) -> None:
    file = tmp_path / "vanishing"
    file.write_bytes(b"x" * 5000)
    count = 0

    def launcher(command: Command, timeout: float, environment: Mapping[str, str]) -> Timing:
        nonlocal count
        count += 1
        if count == 12:
            file.unlink()
        return timing(1e6)

    own = Block((Command("a", (str(file),), environment={}),), cache)  # type: ignore[arg-type]
    run = run_blocks([own], 50, 1, launcher=launcher)
    assert run.rounds == (11 if cache == "warm" else 10)
    assert isinstance(run.failure, LabError)
    assert "vanishing disappeared" in str(run.failure)


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("error", [None, KeyboardInterrupt(), LaunchFailed("no"), ValueError()])
def test_garbage_collection_is_off_during_a_run_and_restored_after(
    file: Path, enabled: bool, error: BaseException | None
) -> None:
    states = []
    recorder = Recorder(fail_at=2, error=error)

    def launcher(command: Command, timeout: float, environment: Mapping[str, str]) -> Timing:
        states.append(gc.isenabled())
        return recorder(command, timeout, environment)

    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with contextlib.suppress(LaunchFailed, ValueError):
            run_blocks([block(file, "abc")], 3, 1, launcher=launcher)
        assert gc.isenabled() is enabled
        assert not any(states)
    finally:
        (gc.enable if before else gc.disable)()


def test_progress_adds_up_to_all_launches(file: Path) -> None:
    done: list[tuple[int, int]] = []
    run_blocks(
        [block(file, "abc"), block(file, "xy")],
        4,
        1,
        progress=lambda more, whole: done.append((more, whole)),
        launcher=Recorder(),
    )
    assert sum(more for more, _ in done) == 20
    assert {whole for _, whole in done} == {20}


def test_a_block_can_take_part_in_some_rounds_only(file: Path) -> None:
    always, seldom = block(file, "ab"), replace(block(file, "xy"), every=3)
    run = run_blocks([always, seldom], 8, 1, launcher=Recorder())
    assert {launch.round for launch in run.launches[1]} == {0, 3, 6}
    assert [len(launches) for launches in run.launches] == [16, 6]


def test_a_launch_survives_its_row() -> None:
    launch = Launch(3, 1, "a", timing(5e6), pages_read=7)
    assert Launch.from_dict(launch.as_dict()) == launch
    assert launch.start_ns == 5_000_000


def test_a_server_counts_to_its_first_answer() -> None:
    made = Timing(9_000_000, 2_000_000, 300, 200, 1, 0, 0, 0)
    launch = Launch(0, 0, "s", made)
    assert (launch.start_ns, launch.cpu_us) == (2_000_000, 500)


def commands(file: Path, *names: str) -> list[Command]:
    return [Command(name, (str(file), name), environment={}) for name in names]


def test_measure_lets_the_commands_take_turns_as_their_own_twins(file: Path) -> None:
    recorder = Recorder()
    result = measure(commands(file, "a", "b"), 8, 1, launcher=recorder)
    started = Counter(recorder.names()[2:])  # after each file's first start, which does not count
    assert started == {"a": 8, "b": 8, "a (again)": 4, "b (again)": 4}
    assert [c.candidate for c in result.comparisons] == ["b"]
    assert [e.command for e in result.estimates] == ["a", "b"]
    assert result.to_frame().shape[0] == 24


def test_measure_cut_short_by_ctrl_c_keeps_its_rounds(file: Path) -> None:
    enough = Recorder(fail_at=2 + 3 * 9 + 1, error=KeyboardInterrupt())
    result = measure(commands(file, "a", "b"), 50, 1, launcher=enough)
    assert (result.rounds, result.interrupted, len(result.launches)) == (9, "Ctrl-C", 27)
    assert result.comparisons
    few = Recorder(fail_at=2 + 3 * 2 + 1, error=KeyboardInterrupt())
    result = measure(commands(file, "a", "b"), 50, 1, launcher=few)
    assert result.rounds == 2
    assert not result.comparisons
    assert not result.estimates


def test_measure_with_a_failure_before_an_interval_raises(file: Path) -> None:
    broken = Recorder(fail_at=2 + 3 * 5, error=LaunchFailed("b was ended by signal 9"))
    with pytest.raises(LaunchFailed, match="signal 9"):
        measure(commands(file, "a", "b"), 50, 1, launcher=broken)


@pytest.mark.parametrize("names", [("a", "a"), ("a", "a (again)")])
def test_measure_refuses_two_commands_of_one_name(file: Path, names: tuple[str, str]) -> None:
    with pytest.raises(LabError, match="same name"):
        measure(commands(file, *names), 6, 1, launcher=Recorder())


@pytest.mark.parametrize("rounds", [-1, 0, 1, 5])
def test_measure_refuses_too_few_rounds(file: Path, rounds: int) -> None:
    recorder = Recorder()
    with pytest.raises(LabError, match="at least 6"):
        measure(commands(file, "a"), rounds, 1, launcher=recorder)
    assert not recorder.started


def test_measure_refuses_a_seed_that_cannot_be_one(file: Path) -> None:
    recorder = Recorder()
    with pytest.raises(LabError, match="seed"):
        measure(commands(file, "a"), 6, -1, launcher=recorder)
    assert not recorder.started
