"""The configurations by name: the article's steps, alone and together, and two beside them."""

from labhelpers.build import BuildConfig
from labhelpers.errors import LabError

STEPS = ("strip", "external", "trim")
TAGS = ("netgo", "osusergo", "purego")
"""What trims cgo where CGO_ENABLED must stay 1: the tags of net and os/user (`go doc net`), and the
name that packages with a C and a Go half have agreed on for the Go half."""


def steps_config(*steps: str) -> BuildConfig:
    """Return the configuration of these steps; its name joins theirs with a plus sign."""
    return BuildConfig(
        name="+".join(steps) or "default",
        ldflags="-s -w" if "strip" in steps else "",
        linkmode="external" if "external" in steps else "",
        cgo=False if "trim" in steps else None,
        tags=TAGS if "trim-tags" in steps else (),
    )


_COMBINATIONS = [
    (),
    ("strip",),
    ("external",),
    ("trim",),
    ("trim-tags",),
    ("strip", "external"),
    ("strip", "trim"),
    ("strip", "trim-tags"),
    ("external", "trim"),
    ("external", "trim-tags"),
    ("strip", "external", "trim"),
    ("strip", "external", "trim-tags"),
]

FACTORIAL = tuple("+".join(steps) or "default" for steps in _COMBINATIONS)
"""Every combination of the three steps; each one with `trim` also with tags doing the trimming."""

CONFIGS = {
    **{config.name: config for config in (steps_config(*steps) for steps in _COMBINATIONS)},
    "static": BuildConfig("static", linkmode="external", ldflags="-extldflags=-static"),
    "pie": BuildConfig("pie", buildmode="pie"),
}


def find_config(name: str) -> BuildConfig:
    """Return the configuration of this name, in whatever order its steps are given.

    Raises:
        LabError: no such configuration.
    """
    order = {step: rank for rank, step in enumerate(("strip", "external", "trim", "trim-tags"))}
    sorted_name = "+".join(sorted(name.split("+"), key=lambda step: order.get(step, -1)))
    if sorted_name not in CONFIGS:
        raise LabError(
            f"There is no configuration named {name!r}: take one of {', '.join(CONFIGS)}."
        )
    return CONFIGS[sorted_name]
