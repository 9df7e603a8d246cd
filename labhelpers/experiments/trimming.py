"""Trimming cgo for real: small programs, each switch that takes C out, and what then is different.

The switches are Go's own: CGO_ENABLED=0, and the tags netgo and osusergo, which choose the Go half
of net and of os/user (`go doc net`, "Name Resolution"; `go doc os/user`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labhelpers.build import BuildConfig, build_all
from labhelpers.errors import LabError
from labhelpers.experiments.edits import changed
from labhelpers.experiments.emptyroot import loader_and_libraries, run_in_empty_root
from labhelpers.experiments.linkfacts import link_facts
from labhelpers.programs import Program, find_program
from labhelpers.table import Table
from labhelpers.toolchain import Toolchain

SWITCHES = {
    "default": BuildConfig("default"),
    "CGO_ENABLED=0": BuildConfig("trim", cgo=False),
    "netgo": BuildConfig("netgo", tags=("netgo",)),
    "osusergo": BuildConfig("osusergo", tags=("osusergo",)),
    "netgo,osusergo": BuildConfig("netgo,osusergo", tags=("netgo", "osusergo")),
}

ASK_USER = """	me, err := user.Current()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
"""
NET_ONLY = {'\t"os"\n\t"os/user"\n': "", ASK_USER: "", "me.Uid, ": ""}
USER_ONLY = {'\t"net"\n': "", ', net.ParseIP("127.0.0.1").IsLoopback()': ""}
"""What is taken out of netuser, so that it imports one of its two packages only."""


@dataclass(frozen=True)
class Trimmed:
    """One program built with one switch; `verdict` and `link` are those of `linkfacts`."""

    go: str
    program: str
    switch: str
    bytes: int
    verdict: str
    link: str

    @property
    def free(self) -> bool:
        """Whether the file needs no other file to start."""
        return self.link == "needs no other file"


@dataclass(frozen=True)
class Answer:
    """What `lookup` found where only `sources` say who knows hosts and users (nsswitch.conf(5)).

    `order` is the order in which net asks, as GODEBUG=netdns=2 tells it, "cgo" for the C library;
    `host` and `user` say whether each was found.
    """

    go: str
    switch: str
    sources: str
    order: str
    host: bool
    user: bool


def ladder() -> dict[str, Program]:
    """Return the programs, from one that needs nothing to one with C of its own."""
    netuser = find_program("netuser")
    return {
        "hello": find_program("hello"),
        "net": changed(netuser, {"main.go": NET_ONLY}),
        "os/user": changed(netuser, {"main.go": USER_ONLY}),
        "net and os/user": netuser,
        "C of its own": find_program("cgocall"),
    }


def builds(program: Program, go: Toolchain) -> dict[str, Path]:
    """Build a program with each switch; return the files by the switch's name.

    Raises:
        LabError: a build failed.
    """
    made = build_all([(program, config, go) for config in SWITCHES.values()])
    files = {}
    for switch, binary in zip(SWITCHES, made, strict=True):
        if binary.path is None:
            raise LabError(f"{program.name} does not build with {switch}: {binary.error}")
        files[switch] = binary.path
    return files


def trim(go: Toolchain, programs: Mapping[str, Program]) -> Table[Trimmed]:
    """Build each program with each switch, and look at how it is linked.

    Raises:
        LabError: a build failed.
    """
    rows: Table[Trimmed] = Table()
    for name, program in programs.items():
        for switch, path in builds(program, go).items():
            facts = link_facts(path)
            row = Trimmed(go.release, name, switch, facts.bytes, facts.verdict, facts.link)
            rows.append(row)
    return rows


HOST, USER = "box.example", "ada"
FILES = {
    "/etc/hosts": f"10.1.2.3 {HOST}\n",
    "/etc/passwd": f"{USER}:x:1815:1815::/:/bin/sh\n",
    "/etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
}
"""A root in which one host and one user are known, and no name server answers."""

SOURCES = {"files": "files", "a database": "db"}
"""Where nsswitch.conf sends who asks for a user: to /etc/passwd, or to where ada is not known.

An LDAP directory would do as well, but this needs none: the C library's source db finds no file.
"""


def ask(files: Mapping[str, Path], go: str) -> Table[Answer]:
    """Let each build of `lookup` look for the host and the user, in a root with each nsswitch.conf.

    Args:
        files: the builds, by switch.
        go: their release.

    Raises:
        LabError: no empty root can be made here.
    """
    rows: Table[Answer] = Table()
    for name, source in SOURCES.items():
        switch_file = f"passwd: {source}\nhosts: {source} files\n".replace("files files", "files")
        for switch, path in files.items():
            texts = {place: text.encode() for place, text in FILES.items()}
            texts["/etc/nsswitch.conf"] = switch_file.encode()
            run = run_in_empty_root(
                path,
                *(HOST, USER),
                files={**loader_and_libraries(path), **texts},
                environment={"GODEBUG": "netdns=2"},
            )
            order = re.findall(r"hostLookupOrder\(.*\) = (\S+)", run.errors)
            found = run.output.splitlines()
            known = ("host [10.1.2.3]" in found, "user 1815" in found)
            rows.append(Answer(go, switch, name, order[0] if order else "", *known))
    return rows
