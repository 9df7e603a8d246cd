"""What kind of instruction begins at an address: calls, returns, branches. x86-64, by opcode alone.

No disassembler: prefixes are skipped, and the opcode behind them says what the instruction is
(Intel's manual, volume 2, appendix A). How long it is nobody needs to know.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from labhelpers.binary.elf import Elf, open_elf
from labhelpers.experiments.traces import Addresses

PREFIXES = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3, *range(0x40, 0x50)}
LONGEST = 15
"""Bytes of the longest instruction."""
KINDS = ("call", "indirect call", "return", "conditional branch", "jump", "push or pop", "other")


def kind(code: bytes) -> str:
    """Return the kind of the instruction that begins with these bytes, one of `KINDS`."""
    at = next((at for at, byte in enumerate(code) if byte not in PREFIXES), 0)
    opcode, behind = code[at], code[at + 1] if at + 1 < len(code) else 0
    field = behind >> 3 & 7  # of the ModRM byte, which tells apart the instructions of FF
    if opcode == 0xE8:
        return "call"
    if opcode == 0xFF and field in (2, 3):
        return "indirect call"
    if opcode in (0xC2, 0xC3):
        return "return"
    if opcode in range(0x70, 0x80) or (opcode == 0x0F and behind in range(0x80, 0x90)):
        return "conditional branch"
    if opcode in range(0xE0, 0xE4):  # loop, jrcxz
        return "conditional branch"
    if opcode in (0xE9, 0xEB) or (opcode == 0xFF and field in (4, 5)):
        return "jump"
    pushes = opcode in (*range(0x50, 0x60), 0x68, 0x6A, 0x8F, 0xC9)  # leave pops the frame pointer
    return "push or pop" if pushes or (opcode == 0xFF and field == 6) else "other"


def kinds(path: Path, addresses: Addresses) -> dict[str, int]:
    """Count the instructions run by their kind; those outside of the file count as other."""
    places, counts = np.unique(addresses, return_counts=True)
    found: Counter[str] = Counter()
    with open_elf(path) as elf:
        for address, count in zip(places.tolist(), counts.tolist(), strict=True):
            found[_kind_at(elf, address)] += count
    return {name: found[name] for name in KINDS}


def _kind_at(elf: Elf, address: int) -> str:
    section = elf.section_at(address)
    if section is None or not section.executable:
        return "other"
    offset = elf.offset_of(address)
    left = section.address + section.size - address
    return kind(elf.read(offset, min(LONGEST, left))) if offset is not None else "other"
