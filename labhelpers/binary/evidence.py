"""A fact that was found in a file, what it was found to be, and what follows from it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Evidence:
    """One row: the fact's name, its value as text, and what it means in one sentence."""

    fact: str
    value: str
    meaning: str
