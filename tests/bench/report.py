"""What the benchmarks share: rows with their targets, as a table and as JSON."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from labhelpers import machine


@dataclass(frozen=True)
class Row:
    """One figure: what, how much, of which unit, its 95 % interval, and the most it may be."""

    what: str
    value: float | None
    unit: str = ""
    ci95: tuple[float, float] | None = None
    target: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.value is not None and self.value <= self.target


def say(text: str) -> None:
    """Print progress where it does not get into the result."""
    print(text, file=sys.stderr, flush=True)


def deliver(benchmark: str, rows: Sequence[Row], method: dict[str, Any]) -> int:
    """Print a table, then one JSON document; return the exit status: 1 where a target is missed."""
    width = max(len(row.what) for row in rows)
    for row in rows:
        value = "failed" if row.value is None else f"{row.value:.4g}"
        interval = f"[{row.ci95[0]:.4g}, {row.ci95[1]:.4g}]" if row.ci95 else ""
        target = f"≤ {row.target:g} {'met' if row.met else 'MISSED'}" if row.target else ""
        print(f"{row.what:{width}}  {value:>8} {row.unit:4} {interval:20} {target}".rstrip())
    document = {
        "benchmark": benchmark,
        "machine": machine.describe().as_dict(),
        "method": method,
        "rows": [{**asdict(row), "met": row.met} for row in rows],
    }
    print(json.dumps(document, indent=1, ensure_ascii=False))
    return int(any(row.met is False for row in rows))
