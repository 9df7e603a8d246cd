"""Progress bars with the time left: on a terminal, and on standard error only."""

import contextlib
from collections.abc import Callable, Iterator

UNITS = {"build": " builds", "start": " launches", "list": " listings"}
"""What is counted in a stage; any other stage is a lab, of cells."""


@contextlib.contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show one bar while the body runs; yield what advances it and tells it the whole."""
    from tqdm import tqdm

    with tqdm(desc=what, unit=" launches", disable=None, leave=False) as shown:

        def advance(more: int, whole: int) -> None:
            shown.total = whole
            shown.update(more)

        yield advance


@contextlib.contextmanager
def stages(title: str = "") -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar for each stage of a piece of work; yield what advances the bar of a stage."""
    from tqdm import tqdm

    bars: dict[str, tqdm] = {}

    def advance(stage: str, more: int, whole: int) -> None:
        if stage not in bars:
            for other in bars.values():
                other.close()
            unit = UNITS.get(stage, " cells")
            name = f"{title} {stage}".strip()
            bars[stage] = tqdm(total=whole, desc=name, unit=unit, disable=None, leave=False)
        bars[stage].update(more)

    try:
        yield advance
    finally:
        for shown in bars.values():
            shown.close()
