"""How long a start takes: launches, their order, the page cache, and what follows from them."""

from labhelpers.startup.measure import Measurement, measure
from labhelpers.startup.spawn import Command, LaunchFailed, Timing, launch

__all__ = ["Command", "LaunchFailed", "Measurement", "Timing", "launch", "measure"]
