"""Time stamps put between the statements of a function of the runtime.

Each statement that does something is a step, named after what it calls; what lies between two such
statements (assignments, checks, empty hooks) is counted with the step that follows.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from labhelpers.runtime.statements import Statement, block, calls, function, line_of

WORTHLESS = re.compile(
    r"""(?x) throw|fatal|panic|print\w*|getg|nanotime|len|cap|min|max|add|close
    |u?int\d*|uintptr|bool|string|byte|float\d+|unsafe\.\w+|sys\.\w+|goarch\.\w+
    |systemstack|mcall|(?:un)?lock|assert\w+|append|copy|delete
    |(?:\w+\.)*(?:Store|Load|Add|set|ptr|ok|Swap|CompareAndSwap)|atomic\.\w+|atomicstorep
    |world(?:Started|Stopped)|race\w+|[am]san\w+|traceEnabled|traceAcquire"""
)
"""What makes no step by itself: conversions, single machine words, wrappers, hooks of debuggers,
and functions that are empty unless lock ranks are checked (runtime/lockrank_off.go)."""
MINOR = re.compile(r"make|new|gogetenv|atoi\d*|strconv\.\w+|runqempty|mget")
"""What names a step only where nothing else is called."""
LOCKS = re.compile(r"lockInit|\w+Lock\.init|traceLockInit|lockVerifyMSize")
"""The ways to prepare a lock: one step."""
LEAVES = ("return", "throw", "panic", "fatal", "goto")


@dataclass(frozen=True)
class Site:
    """A step as the source has it: of which function, its name, its line, and where it ends."""

    function: str
    step: str
    line: int
    end: int

    def stamp(self, number: int, text: str) -> str:
        """Return what to put in at `end`: a stamp on a line of its own, if the step ends one."""
        call = f"golabStamp({number})"
        if self.end < len(text) and text[self.end] != "\n":
            return f"; {call}"
        begin = text.rfind("\n", 0, self.end) + 1
        indent = re.match(r"\t*", text[begin : self.end])
        return f"\n{indent[0] if indent else ''}{call}"


@dataclass(frozen=True)
class Stamped:
    """A source text with stamps; the stamp of `sites[i]`, right behind it, has number first + i."""

    text: str
    sites: list[Site]


def stamp_function(text: str, name: str, prefix: str = "", first: int = 0) -> Stamped | None:
    """Put a stamp behind each step of a function; None: the text has no such function.

    The stamps are calls of golabStamp (golab_stamps.go), which `overlay_for` adds to the runtime.

    Args:
        text: the source file.
        name: the function, or a method as "mheap.init".
        prefix: what the sites call the function; "" its name.
        first: the number of the first stamp.
    """
    found = sites(text, name, prefix)
    if found is None:
        return None
    stamps = [(site.end, site.stamp(first + i, text)) for i, site in enumerate(found)]
    return Stamped(insert(text, stamps), found)


def insert(text: str, edits: Sequence[tuple[int, str]]) -> str:
    """Return the text with each new piece put in at its place, given as in the text before."""
    parts, done = [], 0
    for place, new in sorted(edits, key=lambda edit: edit[0]):
        parts += [text[done:place], new]
        done = place
    return "".join([*parts, text[done:]])


def sites(
    text: str, name: str, prefix: str = "", until: str = "", skip: Sequence[str] = ()
) -> list[Site] | None:
    """Return the steps of a function in order; None: the text has no such function.

    Args:
        text: the source file.
        name: the function, or a method as "mheap.init".
        prefix: what the sites call the function; "" its name.
        until: how the statement begins at which to stop; "" goes on to the function's end.
        skip: calls that are no steps here, since they stamp for themselves.
    """
    own = function(text, name)
    if own is None:
        return None
    statements = own.statements
    for place, statement in enumerate(statements):
        if until and statement.words(text).startswith(until):
            statements = statements[:place]
            break
    # Behind the last statement of a function with results nothing may follow.
    if own.results and len(statements) == len(own.statements):
        statements = statements[:-1]
    found = [
        Site(prefix or name, step, line_of(text, statement.begin), statement.line_end)
        for step, statement in _steps(text, statements, skip)
    ]
    return _unique(found)


def _steps(
    text: str, statements: Sequence[Statement], skip: Sequence[str]
) -> Iterator[tuple[str, Statement]]:
    """Return the steps of some statements; neighbours of one name are one, which ends the last."""
    waiting: tuple[str, Statement] | None = None
    for statement in statements:
        inner = list(_inside(text, statement, skip))
        name = None if inner else step_name(text, statement, skip)
        if waiting and (inner or name) and name != waiting[0]:
            yield waiting
            waiting = None
        yield from inner
        if name:
            begin = waiting[1] if waiting else statement
            waiting = name, Statement(begin.tokens, statement.line_end)
    if waiting:
        yield waiting


def _inside(
    text: str, statement: Statement, skip: Sequence[str]
) -> Iterator[tuple[str, Statement]]:
    """Return the steps within an `if` that holds more than one, and that goes on behind it."""
    words = [token.text for token in statement.tokens]
    if statement.first == "if" and "else" not in words and not _leaves(text, statement):
        inner = list(_steps(text, block(text, _brace(statement)), skip))
        if len(inner) > 1:
            yield from inner


def step_name(text: str, statement: Statement, skip: Sequence[str] = ()) -> str | None:
    """Return what a statement is called as a step, None where it is none."""
    if statement.first in ("defer", "return", "go", "type"):
        return None
    words = statement.tokens
    if _leaves(text, statement):  # only its condition is run by a start that goes well
        words = tuple(token for token in words if token.begin < _brace(statement))
    named = [name for name in calls(words) if name not in skip and not WORTHLESS.fullmatch(name)]
    if any(name in skip for name in calls(words)) or not named:
        return None
    name = next((name for name in named if not MINOR.fullmatch(name)), named[-1])
    return "lockInit" if LOCKS.fullmatch(name) else name


def _brace(statement: Statement) -> int:
    """Return where the block of an `if` begins."""
    depth = 0
    for token in statement.tokens:
        if token.text == "{" and not depth:
            return token.begin
        depth += (token.text in "([") - (token.text in ")]")
    return statement.line_end


def _leaves(text: str, statement: Statement) -> bool:
    """Say whether a statement is an `if` without `else` after whose block nothing follows."""
    words = [token.text for token in statement.tokens]
    if statement.first != "if" or "else" in words:
        return False
    inner = block(text, _brace(statement))
    return bool(inner) and inner[-1].first in LEAVES


def _unique(found: Sequence[Site]) -> list[Site]:
    """Number steps that come again under the same name: parseRuntimeDebugVars (2)."""
    seen: dict[str, int] = {}
    result = []
    for site in found:
        count = seen[site.step] = seen.get(site.step, 0) + 1
        result.append(replace(site, step=f"{site.step} ({count})") if count > 1 else site)
    return result
