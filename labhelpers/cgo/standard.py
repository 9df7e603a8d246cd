"""The packages of the standard library that hold `import "C"` on Linux, and what they do without.

Sources, in GOROOT/src of Go 1.21 to 1.27: net/net.go ("Name Resolution"), net/conf.go (lookupOrder,
initConfVal), net/cgo_unix.go; os/user/user.go, cgo_lookup_unix.go, lookup_stubs.go (current),
lookup_unix.go, listgroups_unix.go; plugin/plugin_stubs.go. What can be tried is tried in
tests/test_cgo_behaviour.py.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Half:
    """A package with a C half: what that is for, what Go uses instead, and what then differs."""

    why: str
    in_its_place: str
    differs: tuple[str, ...]


STANDARD = {
    "net": Half(
        "It can ask the C library to look up names (getaddrinfo, getnameinfo); all else in net, "
        "connections included, is Go without any C.",
        "Go's own resolver, which reads /etc/hosts and asks the servers of /etc/resolv.conf",
        (
            "Names: with its C half, net already uses Go's own resolver wherever that can do "
            "what the system's files ask for. Without it, Go's resolver is used always: sources "
            "in /etc/nsswitch.conf other than files and dns (mDNS, LDAP, NIS, systemd's) are not "
            "asked, options of /etc/resolv.conf that Go does not know are passed over, and so are "
            "LOCALDOMAIN, RES_OPTIONS and HOSTALIASES. GODEBUG=netdns=2 prints which one is taken.",
        ),
    ),
    "os/user": Half(
        "It asks the C library about users and groups (getpwnam_r, getgrouplist), and so all "
        "sources that /etc/nsswitch.conf names.",
        "Go code that reads /etc/passwd and /etc/group",
        (
            "Users: only /etc/passwd and /etc/group are read. Users and groups that come from "
            "LDAP, SSSD or systemd are unknown. For its own user, user.Current falls back on the "
            "variables USER and HOME, where it gave an error before.",
        ),
    ),
    "plugin": Half(
        "It loads Go plugins through the C library's dlopen.",
        "a stub",
        ("Plugins: plugin.Open always fails with the error “plugin: not implemented”.",),
    ),
    "runtime/cgo": Half(
        "A package imports it by name, and with it C's way to start a program and its threads.",
        "the few Go files of runtime/cgo, without the C of it",
        (
            "Threads: Go's runtime makes them by itself and not by the C library, unless a package "
            "stands in for the C of runtime/cgo (as github.com/ebitengine/purego does).",
        ),
    ),
}
