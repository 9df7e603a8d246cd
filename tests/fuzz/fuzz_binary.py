"""Fuzz labhelpers.binary: damaged programs in, a result or a LabError out, and nothing else.

Real builds of the matrix (and, where there is a C compiler, a C program) are damaged by
mutations.py in one to three ways at once; guard.py runs the whole anatomy of each, and its
difference to the sound file, in a child process with limits of memory and time. A finding is any
other exception, a result that contradicts itself, a hang, or memory beyond 3 × file + 64 MB.

Run:   python tests/fuzz/fuzz_binary.py FOLDER [--minutes 60] [--seed N] [--from I]
       python tests/fuzz/fuzz_binary.py FOLDER --again        run the kept findings again
       FOLDER gets, for each different finding, the damaged file (NAME.elf) and a NAME.json with
       seed, number, what was done to which program, and the outcome with its traceback.
Needs: what golab needs to build; the cache keeps the builds.
Exit:  0 without findings, 1 with any.
"""

import argparse
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from random import Random

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from fuzz.guard import Guard, Outcome  # noqa: E402
from fuzz.mutations import Layout, mutate  # noqa: E402
from matrix.builds import build_cases, foreign  # noqa: E402
from matrix.cases import case  # noqa: E402

from labhelpers.toolchain import ARTICLE, current, toolchain  # noqa: E402

SEEDS = (
    *("empty-default", "hello-default", "hello-strip", "hello-pie", "hello-external"),
    *("cgocall-default", "cgocall-static", "netuser-default", "netuser-strip"),
)
FOREIGN = ("386", "s390x", "arm64")


def sound_files(folder: Path) -> dict[str, Path]:
    """Return the programs to damage by name: builds, small ones first."""
    cases = [case(release, *seed.split("-")) for release in (current(), ARTICLE) for seed in SEEDS]
    files = {str(c): binary.path for c, binary in build_cases(cases).items() if binary.path}
    chain = toolchain("current")
    files |= {architecture: foreign(architecture, folder) for architecture in FOREIGN}
    if chain.cc:
        source = folder / "small.c"
        source.write_text('#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n')
        small = folder / "small"
        subprocess.run([*chain.cc.command, "-g", "-o", small, source], check=True)
        files["C"] = small
    return files


def keep(folder: Path, damaged: Path, facts: dict[str, object], outcome: Outcome) -> None:
    """Keep a finding: the file and how it came about."""
    name = f"{outcome.kind}-{sha256(outcome.key.encode()).hexdigest()[:12]}"
    shutil.copyfile(damaged, folder / f"{name}.elf")
    text = json.dumps({**facts, "outcome": asdict(outcome)}, indent=1)
    (folder / f"{name}.json").write_text(text)


def fuzz(options: argparse.Namespace) -> int:
    """Damage and look until the time is up; return how many different findings there were."""
    options.folder.mkdir(parents=True, exist_ok=True)
    found: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    slowest, largest = 0.0, 0
    with tempfile.TemporaryDirectory() as scratch:
        files = sound_files(Path(scratch))
        contents = {name: path.read_bytes() for name, path in files.items()}
        layouts = {name: Layout(data) for name, data in contents.items()}
        damaged = Path(scratch) / "damaged"
        end = time.monotonic() + 60 * options.minutes
        number = options.start
        with Guard(warm=next(iter(files.values()))) as guard:
            while time.monotonic() < end and number - options.start < options.most:
                chance = Random(f"{options.seed} {number}")
                name = chance.choice(list(files))
                data, done = mutate(contents[name], layouts[name], chance)
                damaged.write_bytes(data)
                outcome = guard.run(damaged, files[name] if chance.random() < 0.2 else None)
                kinds[outcome.kind] += 1
                slowest, largest = max(slowest, outcome.seconds), max(largest, outcome.peak)
                if not outcome.good:
                    found[outcome.key] += 1
                    if found[outcome.key] == 1:
                        facts = {"seed": options.seed, "number": number, "of": name, "done": done}
                        keep(options.folder, damaged, facts, outcome)
                        print(f"{number}: {outcome.key}", flush=True)
                number += 1
                if number % 1000 == 0:
                    print(f"{number} files: {dict(kinds)}, {len(found)} findings", flush=True)
    print(
        f"seed {options.seed}: {number - options.start} files, {dict(kinds)}; slowest {slowest} s "
        f"of CPU, most memory {largest / 1e6:.0f} MB beyond the interpreter's own"
    )
    for key, count in found.most_common():
        print(f"{count:7} {key}")
    return len(found)


def again(options: argparse.Namespace) -> int:
    """Run the kept findings again; return how many are still findings."""
    still = 0
    with tempfile.TemporaryDirectory() as scratch, Guard(foreign("amd64", Path(scratch))) as guard:
        for file in sorted(options.folder.glob("*.elf")):
            outcome = guard.run(file, file)
            still += not outcome.good
            print(f"{file.stem}: {outcome.key} {outcome.detail.splitlines()[-1:]}", flush=True)
    return still


def main() -> int:
    """Run the fuzzer."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="for the findings")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--from", dest="start", type=int, default=0, help="number of the first")
    parser.add_argument("--most", type=int, default=10**9, help="files at most")
    parser.add_argument("--again", action="store_true", help="run the kept findings again")
    options = parser.parse_args()
    return int((again if options.again else fuzz)(options) > 0)


if __name__ == "__main__":
    sys.exit(main())
