"""The errors that people meet: in one sentence what happened, to what, and the next step."""


class LabError(Exception):
    """Wrong use, or something missing. The command line prints it and exits with `exit_status`."""

    exit_status = 2


class CheckFailed(LabError):
    """The work was done, and a gate or a check did not hold."""

    exit_status = 1


class Stopped(LabError):
    """The work was stopped by whoever had begun it."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("stopped; nothing was kept but finished builds.")
