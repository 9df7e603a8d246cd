"""What the go command says when modules or packages fail, as one sentence with the next step."""

import re
from collections.abc import Callable

_Answer = Callable[[re.Match[str], str], str]

_NETWORK = (
    r"(?:dial tcp|no such host|connection refused|connection reset|network is unreachable|"
    r"i/o timeout|TLS handshake timeout|proxyconnect|context deadline exceeded|"
    r"server misbehaving|certificate)"
)

RULES: tuple[tuple[str, _Answer], ...] = (
    (
        r"requires go >= ?(\S+?)[);,]? .*?running go ?([0-9.]+)",
        lambda m, name: (
            f"{name} needs Go {m[1]} and this is Go {m[2]}: take a newer release (--go), or an "
            "older version of the program."
        ),
    ),
    (
        r"(\S+@\S+): (?:verifying (?:module|go\.mod|\S+)|checksum mismatch)[^\n]*(?:\n[^\n]*)*?"
        r"checksum mismatch|verifying (\S+@\S+?):? ?(?:go\.mod)?:? checksum mismatch|"
        r"SECURITY ERROR",
        lambda m, name: (
            f"The checksum of {m[1] or m[2] or 'a module'} is not the one that go.sum or the "
            f"checksum database vouches for, so {name} is not built: its content was changed on "
            "the way or at its source; ask its author, and do not go round it."
        ),
    ),
    (
        r"missing go\.sum entry[^\n]*?(?:for|needed to verify|providing package) "
        r"(?:module providing package )?(?:go\.mod file(?: needed)? )?(\S+)|missing go\.sum entry",
        lambda m, name: (
            f"The go.sum of {name} has no entry for {(m[1] or 'one of its modules').rstrip(':;')}: "
            "run `go mod tidy` in its folder, then try again."
        ),
    ),
    (
        r"updates to go\.(?:mod|work|sum) needed",
        lambda m, name: (
            f"The go.mod of {name} does not fit its imports: run `go mod tidy` in its folder, "
            "then try again."
        ),
    ),
    (
        r"replacement directory (\S+) does not exist|(?:open|reading) (\S+)/go\.mod: no such file",
        lambda m, name: (
            f"The go.mod of {name} puts the folder {m[1] or m[2]} in place of a module, and it is "
            "not there: name a folder in which it is (a clone of the repository, say)."
        ),
    ),
    (
        r"module lookup disabled by GOPROXY=off",
        lambda m, name: (
            f"A module that {name} needs is not in the cache and the network is not to be used: "
            "run this once with the network, without GOLAB_OFFLINE."
        ),
    ),
    (
        _NETWORK,
        lambda m, name: (
            f"The modules of {name} could not be fetched ({m[0]}): is there a network, and does "
            "GOPROXY name a module proxy that can be reached?"
        ),
    ),
    (
        r"(?:reading )?https?://[^/\s]+/(\S+?)/@[^\n]*?: (4\d\d|5\d\d) ([A-Z][A-Za-z ]+)",
        lambda m, name: (
            f"The module proxy does not give {m[1]} ({m[2]} {m[3].strip()}): check its path and "
            "version, or set GOPROXY to a proxy that has it."
        ),
    ),
    (
        r"(?:unknown revision|invalid version:?) ([^\n]*)",
        lambda m, name: (
            f"There is no such version of {name} ({m[0].strip()}): look up its versions with "
            "`go list -m -versions MODULE`."
        ),
    ),
    (
        r"no required module provides package ([^\s;]+)",
        lambda m, name: (
            f"{name} imports {m[1]}, and its go.mod names no module that has it: run "
            "`go mod tidy` in its folder, then try again."
        ),
    ),
    (
        r"(?:package )?(\S+) is not in (?:std|GOROOT)",
        lambda m, name: (
            f"{name} imports {m[1]}, which the standard library of this Go release does not have: "
            "take a newer release (--go), or mend the import."
        ),
    ),
    (
        r"cannot find main module|go\.mod file not found",
        lambda m, name: (
            f"There is no go.mod in the folder of {name} nor above it: run `go mod init` there."
        ),
    ),
    (
        r"build constraints exclude all Go files in (\S+)",
        lambda m, name: (
            f"With these switches no Go file of the package {_package(m[1])} is left, so {name} "
            "does not build."
        ),
    ),
    (
        r"pkg-config: exec|\"pkg-config\": executable file not found|"
        r"Package (\S+) was not found in the pkg-config",
        lambda m, name: (
            f"{name} needs the C library {m[1] or 'that pkg-config is to find'}: install its "
            "development files, or leave cgo out (--cgo 0)."
        ),
    ),
    (
        r"fatal error: (\S+\.h): No such file or directory",
        lambda m, name: (
            f"{name} needs the C header {m[1]}: install the development files of that library."
        ),
    ),
)


def explain(message: str, name: str, fate: str = "does not build") -> str:
    """Return one sentence about a failed go command: what, where, and what to do.

    Args:
        message: all that the command printed.
        name: of the program, as its user knows it.
        fate: what became of it, where nothing better is known to say.
    """
    for pattern, answer in RULES:
        if found := re.search(pattern, message):
            return answer(found, name)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    said = next((line for line in lines if not line.startswith(("#", "go: downloading"))), "")
    return f"{name} {fate}: {said or 'go said nothing'}"


def _package(folder: str) -> str:
    return re.sub(r"^.*/pkg/mod/|^.*/src/(?=[a-z])", "", folder)
