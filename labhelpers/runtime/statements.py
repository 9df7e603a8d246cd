"""The statements of a Go function, with their places in the source text.

No parser of the whole language: comments, strings, brackets and the rule of when a line's end also
ends a statement (go.dev/ref/spec#Semicolons) are enough for what gofmt has laid out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/                                     # comments
      |`[^`]*`|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'         # strings and runes
      |[^\W\d]\w*|\d[\w.]*                                     # words and numbers
      |\n|\+\+|--|[^\s\w]""",
    re.VERBOSE | re.DOTALL,
)
OPEN, CLOSE = {"(", "[", "{"}, {")", "]", "}"}
KEYWORDS = {"if", "for", "switch", "select", "func", "go", "defer", "return", "else", "range"}
CONTINUES = re.compile(r"[^\w)\]}\"'`]$|^(?:else|case|go|defer|range|func)$")


@dataclass(frozen=True)
class Token:
    """A word or sign of Go source, and where it begins; newlines are tokens, comments are not."""

    text: str
    begin: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.begin + len(self.text)


@dataclass(frozen=True)
class Statement:
    """A statement of a block: its tokens without newlines, and the end of its last line.

    `line_end` is where the next line's text could go in; a comment behind the statement is before.
    """

    tokens: tuple[Token, ...]
    line_end: int

    @property
    def begin(self) -> int:
        """Where it begins."""
        return self.tokens[0].begin

    @property
    def first(self) -> str:
        """Its first word."""
        return self.tokens[0].text

    def words(self, text: str) -> str:
        """Return it as it stands in the source, on one line."""
        return " ".join(text[self.begin : self.tokens[-1].end].split())


def tokens(text: str, begin: int = 0) -> Iterator[Token]:
    """Return the tokens of Go source from `begin` on, without comments."""
    for match in TOKEN.finditer(text, begin):
        if not match[0].startswith(("//", "/*")):
            yield Token(match[0], match.start())


def block(text: str, brace: int) -> list[Statement]:
    """Return the statements of the block whose `{` stands at `brace`."""
    found: list[Statement] = []
    current: list[Token] = []
    depth = 0
    for token in tokens(text, brace):
        if token.text in OPEN:
            depth += 1
            if depth == 1:
                continue
        if token.text in CLOSE:
            depth -= 1
            if not depth:
                if current:  # on one line with the brace
                    found.append(Statement(tuple(current), current[-1].end))
                return found
        header = bool(current) and current[0].text in ("if", "for", "switch")
        if token.text not in ("\n", ";") or (token.text == ";" and header):
            current.append(token)
        elif depth == 1 and current and not CONTINUES.search(current[-1].text):
            end = token.begin if token.text == "\n" else current[-1].end
            found.append(Statement(tuple(current), end))
            current = []
    return found


@dataclass(frozen=True)
class Function:
    """A function of a source text: where its `{` stands, its statements, and if it has results."""

    name: str
    brace: int
    statements: list[Statement]
    results: bool


def function(text: str, name: str) -> Function | None:
    """Return the function, or the method as in "mheap.init", of that name; None: not there."""
    receiver, _, own = name.rpartition(".")
    of = rf"\((?:\w+ )?\*?{re.escape(receiver)}\) " if receiver else ""
    match = re.search(rf"^func {of}{re.escape(own)}\(", text, re.MULTILINE)
    if match is None:
        return None
    depth, closed = 0, 0
    for token in tokens(text, match.end() - 1):
        if token.text == "{" and not depth:
            results = bool(text[closed : token.begin].strip())
            return Function(name, token.begin, block(text, token.begin), results)
        if token.text == "\n" and not depth:
            return None  # declared here, written in assembly
        depth += (token.text in OPEN) - (token.text in CLOSE)
        closed = closed or (0 if depth else token.end)
    return None


def calls(words: tuple[Token, ...]) -> list[str]:
    """Return the names of what some tokens call, in order: "mallocinit", "sched.midle.init"."""
    found = []
    for place, token in enumerate(words):
        if token.text != "(" or not place or not re.fullmatch(r"[^\W\d]\w*", words[place - 1].text):
            continue
        first = place - 1
        while first >= 2 and words[first - 1].text == "." and words[first - 2].text.isidentifier():
            first -= 2
        name = "".join(token.text for token in words[first:place])
        chained = first and words[first - 1].text == "."  # as in f().g()
        if name not in KEYWORDS and not chained:
            found.append(name)
    return found


def line_of(text: str, place: int) -> int:
    """Return the number of the line, from 1, on which a place of the text lies."""
    return text.count("\n", 0, place) + 1
