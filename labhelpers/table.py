"""A list of rows that becomes a pandas table where one is wanted, and not before."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import pandas as pd

Row = TypeVar("Row")


class Table(list[Row]):
    """Rows, each a dataclass, in the order in which they are to be read."""

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return each row's fields by name."""
        return [asdict(row) for row in self]  # type: ignore[call-overload]

    def to_frame(self) -> "pd.DataFrame":
        """Return a row each and a column for each field."""
        import pandas as pd

        return pd.DataFrame(self.to_dicts())
