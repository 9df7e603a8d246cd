"""What stands in the place of a package where bytes belong to none: the named remainders."""

from collections.abc import Collection

from labhelpers.binary.elf import Section
from labhelpers.binary.names import GENERATED as GENERATED_NAMES
from labhelpers.binary.names import package_of

C = "(C)"
SHARED = "(shared by packages)"
GENERATED = "(generated)"
WHOLE = "(for the whole program)"
UNNAMED = "(types without a name)"
LINKING = "(linking)"
CONSTANTS = "(strings, constants, names of types)"
DATA = "(data without symbols)"
SYMBOLS = "(other symbols)"
DEBUGGING = "(debugging information)"
HEADERS = "(headers)"
PADDING = "(padding)"
ALIGNMENT = "(alignment inside sections)"
OTHER = "(other)"

_LINKING = (
    *(".interp", ".dyn", ".rel", ".plt", ".got", ".gnu", ".hash", ".init", ".fini", ".note"),
    *(".comment", ".eh_frame", ".ctors", ".dtors", ".jcr", ".preinit_array", ".iplt"),
)
_WHOLE = (
    *(".go.", ".data.rel.ro.go.", ".gopclntab", ".data.rel.ro.gopclntab", ".gosymtab"),
    *(".typelink", ".itablink", ".data.rel.ro.typelink", ".data.rel.ro.itablink"),
)


def remainder(section: Section) -> str:
    """Return whose those bytes of a section are that no reader can give to a package."""
    name = section.name
    if name.startswith((".debug_", ".zdebug_")):
        return DEBUGGING
    if name.startswith(_LINKING):
        return LINKING
    if section.executable:
        return C
    if name in (".symtab", ".strtab"):
        return SYMBOLS
    if name in (".shstrtab", ""):
        return HEADERS
    if name.endswith(".go.type") or name.startswith((".rodata", ".data.rel.ro")):
        return CONSTANTS if not name.startswith(".data.rel.ro.go.func") else WHOLE
    if name.startswith(_WHOLE):
        return WHOLE
    return DATA if section.flags & 0x2 else OTHER


def owner(name: str, known: Collection[str], go: bool) -> str:
    """Return the package that a symbol belongs to, or what stands in its place.

    Args:
        name: the symbol's.
        known: packages that have functions in this file; C too has names with dots in them.
        go: the symbol lies where Go keeps its own, so that its package need not be known.
    """
    if name.startswith(GENERATED_NAMES):
        return GENERATED
    package = package_of(name)
    return package if package and (go or package in known) else C
