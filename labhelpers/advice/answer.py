"""The answer of `golab advise`: what each step did to one program, and which build to take."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from labhelpers.build import Binary
from labhelpers.cgo.report import CgoReport
from labhelpers.startup.caution import Caution
from labhelpers.startup.estimate import Comparison, Estimate
from labhelpers.startup.rounds import CacheState, Launch
from labhelpers.table import Table

if TYPE_CHECKING:
    import pandas as pd

Word = Literal["helps", "harms", "mixed", "not resolved", "does not build", "does not start"]


@dataclass(frozen=True)
class StepAnswer:
    """What one way of building does to this program, against the default build.

    `step` is a configuration's name (strip, external, trim, static, pie, strip+trim …), `bytes` the
    file's size and `size_ratio` that size over the default's (both None where nothing was built),
    `warm` and `cold` the comparisons of its starts (None where not measured), `answer` the word for
    both together, `sentence` the same in plain words, `costs` what one gives up for it.
    """

    step: str
    answer: Word
    bytes: int | None
    size_ratio: float | None
    warm: Comparison | None
    cold: Comparison | None
    sentence: str
    costs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recommendation:
    """The one build to use.

    `config` is "default" where nothing else is resolved to be faster. `ratios` are those of its
    starts over the default build's, by cache state, estimated on rounds that had no part in the
    choice; `command` is what to type in the program's folder; `sentence` says all that in words.
    """

    config: str
    command: str
    ratios: Mapping[CacheState, Comparison]
    sentence: str
    costs: tuple[str, ...] = ()


@dataclass
class Advice:
    """Everything that one run of `golab advise` found.

    `until` says in words when a start counted as done; `estimates` are those of the default build,
    by cache state; `launches` hold every single start.
    """

    program: str
    package: str
    go: str
    until: str
    binaries: list[Binary]
    estimates: dict[CacheState, Estimate]
    steps: Table[StepAnswer]
    recommended: Recommendation
    cgo: CgoReport | None
    launches: dict[CacheState, list[Launch]]
    seed: int
    rounds: int
    machine: dict[str, Any]
    cautions: list[Caution] = field(default_factory=list)
    interrupted: str | None = None

    def to_frame(self) -> "pd.DataFrame":
        """Return the steps as a table: a row each, times as changes in per cent."""
        import pandas as pd

        return pd.DataFrame([_row(step) for step in self.steps]).set_index("step")


def _row(own: StepAnswer) -> dict[str, Any]:
    row: dict[str, Any] = {"step": own.step, "answer": own.answer}
    row["size %"] = None if own.size_ratio is None else round((own.size_ratio - 1) * 100, 1)
    for name, found in (("warm", own.warm), ("cold", own.cold)):
        row[f"{name} %"] = found and round((found.ratio - 1) * 100, 1)
        row[f"{name} 95 %"] = found and tuple(round((end - 1) * 100, 1) for end in found.ci95)
    return row
