"""The command line: `golab` and its commands. Heavy libraries load in the command that needs them.

Exit status: 0 done; 1 a gate or a check failed; 2 wrong use or something missing, with one sentence
on standard error; 130 ended by Ctrl-C, with what was finished kept where it can be used.
"""

import signal
import sys
from pathlib import Path
from typing import Annotated, Any

from labhelpers.errors import CheckFailed, LabError
from labhelpers.interrupts import press_again

# Before the first heavy import: a Ctrl-C during an import is the one that gets lost.
press_again()

import typer  # noqa: E402

from labhelpers.cli_claims import claims  # noqa: E402
from labhelpers.cli_parts import (  # noqa: E402
    INTERRUPTED,
    Force,
    Json,
    Rounds,
    Seed,
    Timeline,
    Timeout,
    as_given,
    cache_states,
    cut_short,
    deliver,
    one_cache,
    refuse_overwriting,
    split_names,
    write_page,
)
from labhelpers.cli_program import advise, cgo, corpus  # noqa: E402

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Build Go programs in several ways, start them many times, and say what follows.",
)


def main() -> None:
    """Run the command line; turn every LabError into one sentence and its exit status."""
    # A polite kill, as CI systems send it, is to clean up as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except LabError as error:
        print(f"golab: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            print("golab: ended by Ctrl-C.", file=sys.stderr)
        raise


@app.callback(invoke_without_command=True)
def lab(context: typer.Context) -> None:
    """Open JupyterLab at the first lab, unless a command is given."""
    if context.invoked_subcommand is None:
        from labhelpers.show.lab import open_lab

        sys.exit(open_lab())


@app.command()
def doctor(json: Json = None) -> None:
    """Say what this machine can build and measure, and what to do about the rest."""
    from dataclasses import asdict

    from labhelpers import machine
    from labhelpers.doctor import as_text, examine

    findings = examine()
    document = {
        "schema": "golab/doctor/1",
        "machine": machine.describe().as_dict(),
        "findings": [asdict(finding) for finding in findings],
    }
    deliver(json, document, lambda: as_text(findings))


@app.command()
def build(
    program: Annotated[str, typer.Argument(help="A program's name, or a main package's folder.")],
    go: Annotated[
        str, typer.Option(help="Go release: current, article, 1.25, 1.26.2 …")
    ] = "current",
    config: Annotated[str, typer.Option(help="A named configuration to start from.")] = "default",
    ldflags: Annotated[str, typer.Option(help="Added to the configuration's.")] = "",
    gcflags: Annotated[str, typer.Option()] = "",
    tags: Annotated[str, typer.Option(help="Separated by commas; added.")] = "",
    buildmode: Annotated[str, typer.Option()] = "",
    cgo: Annotated[int | None, typer.Option(min=0, max=1, help="CGO_ENABLED.")] = None,
    trimpath: Annotated[bool, typer.Option(help="Leave source paths out of the file.")] = True,
    output: Annotated[Path | None, typer.Option("-o", help="Copy the file here.")] = None,
    force: Annotated[bool, typer.Option(help="Overwrite FILE.")] = False,
    json: Json = None,
) -> None:
    """Build a program once, for real, and show the command, the time and the size."""
    import shutil
    from dataclasses import replace

    from labhelpers import machine
    from labhelpers.build import build as go_build
    from labhelpers.configs import find_config
    from labhelpers.programs import find_program
    from labhelpers.toolchain import toolchain

    if output:
        refuse_overwriting([output], force)
    base = find_config(config)
    wanted = replace(
        base,
        ldflags=f"{base.ldflags} {ldflags}".strip(),
        gcflags=gcflags,
        tags=(*base.tags, *filter(None, tags.split(","))),
        buildmode=buildmode or base.buildmode,
        cgo=base.cgo if cgo is None else bool(cgo),
        trimpath=trimpath,
    )
    binary = go_build(find_program(program), wanted, toolchain(go))
    if output and binary.path:
        try:
            partial = output.with_name(f".{output.name}.part")
            shutil.copy(binary.path, partial)
            partial.replace(output)
        except OSError as error:
            raise LabError(f"{output} could not be written ({error.strerror}).") from error
    document = {
        "schema": "golab/build/1",
        "machine": machine.describe().as_dict(),
        **binary.as_dict(),
        "script": binary.script,
        "path": str(binary.path) if binary.path else None,
    }
    result = f"{binary.bytes:,} bytes, sha256 {binary.sha256}" if binary.bytes else f"{binary.log}"
    deliver(
        json,
        document,
        lambda: (
            f"{binary.command}\n{result}\nbuilt with Go {binary.go} in {binary.seconds:.2f} s\n"
            f"{binary.path or ''}\n\nThe same by hand:\n{binary.script}"
        ),
    )
    if binary.error:
        raise CheckFailed(f"{binary.program} does not build as {config}: {binary.error}")


@app.command()
def anatomy(
    file: Annotated[Path, typer.Argument(help="An executable file; it is read and never run.")],
    diff: Annotated[
        Path | None, typer.Option(help="Another file: show what it has more or less than FILE.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with a map of the bytes and the ledger.")
    ] = None,
    force: Force = False,
    top: Annotated[int, typer.Option(help="Packages, or changes, that are shown.", min=1)] = 25,
    dwarf: Annotated[
        bool, typer.Option(help="Share the debugging information out to packages.")
    ] = True,
    json: Json = None,
) -> None:
    """Account for every byte of a binary: sections, packages, linking; or compare two."""
    from labhelpers import machine
    from labhelpers.binary.anatomy import anatomy as read
    from labhelpers.binary.diff import diff as compare
    from labhelpers.show.anatomy_text import anatomy_text, diff_text

    if html:
        refuse_overwriting([html], force)
    own = read(file, dwarf)
    compared = compare(own, read(diff, dwarf)) if diff else None
    if html:
        from labhelpers.show.anatomy_html import anatomy_page, diff_page

        write_page(html, diff_page(compared) if compared else anatomy_page(own))
    document: dict[str, Any] = {}
    if json:
        document = {
            **own.as_dict(),
            "machine": machine.describe().as_dict(),
            "file": as_given(file),
        }
    if json and compared:
        document["other"] = {**compared.b.as_dict(), "file": as_given(compared.b.path)}
        document["diff"] = compared.as_dict()
    deliver(
        json,
        document,
        lambda: diff_text(compared, top) if compared else anatomy_text(own, top),
    )


@app.command()
def why(
    program: Annotated[str, typer.Argument(help="A program's name, or a main package's folder.")],
    name: Annotated[str, typer.Argument(help="A package's import path, or a symbol's name.")],
    go: Annotated[str, typer.Option(help="Go release: current, article, 1.25 …")] = "current",
    config: Annotated[str, typer.Option(help="A named configuration.")] = "default",
    json: Json = None,
) -> None:
    """Say why a package or symbol is in a program: the chain by which the linker reached it."""
    from dataclasses import asdict

    from labhelpers.binary.why import dumpdep, why_linked
    from labhelpers.configs import find_config
    from labhelpers.programs import find_program
    from labhelpers.toolchain import toolchain

    dump = dumpdep(find_program(program), find_config(config), toolchain(go))
    found = why_linked(dump, name)
    if found is None:
        raise CheckFailed(
            f"The linker reached nothing of {name} in {program}: it is not in the program, or "
            "all of it was inlined."
        )
    document = {"schema": "golab/why/1", "program": program, "config": config, **asdict(found)}
    deliver(json, document, lambda: f"{found}\n\nnote: " + "\nnote: ".join(found.limits))


@app.command()
def measure(
    commands: Annotated[
        list[str], typer.Argument(help="Each in quotes; the first is the baseline.")
    ],
    rounds: Rounds = 50,
    cache: Annotated[str, typer.Option(help="warm or cold.")] = "warm",
    gate: Annotated[
        float | None,
        typer.Option(help="Exit 1 where a ratio's interval lies above this.", min=0),
    ] = None,
    main: Annotated[
        bool, typer.Option(help="Also measure the time to main: as many starts again.")
    ] = True,
    timeout: Timeout = 10.0,
    seed: Seed = None,
    json: Json = None,
) -> None:
    """Compare the start of any commands: interleaved, paired, each ratio with its interval."""
    from labhelpers.show.progress import bar
    from labhelpers.show.tables import measurement_text
    from labhelpers.startup.measure import measure as compare
    from labhelpers.startup.measure import parse_command

    parsed = [parse_command(text) for text in commands]
    state = one_cache(cache)
    with bar("start") as advance:
        result = compare(parsed, rounds or 0, seed, state, timeout, advance, main=main)
    deliver(json, result.as_dict(), lambda: measurement_text(result))
    if result.interrupted:
        cut_short(result.interrupted)
    above = [c for c in result.comparisons if gate is not None and c.ci95[0] > gate]
    if above:
        names = ", ".join(f"{c.candidate} ({c.ratio:.3f})" for c in above)
        raise CheckFailed(f"The gate of {gate:g} does not hold for {names}.")


@app.command()
def phases(
    command: Annotated[str, typer.Argument(help="A program and its arguments, in quotes.")],
    method: Annotated[
        str, typer.Option(help="breakpoints, events or spawn; the most that is allowed if not set.")
    ] = "",
    rounds: Rounds = 40,
    cache: Annotated[str, typer.Option(help="warm or cold.")] = "warm",
    timeout: Timeout = 10.0,
    seed: Seed = None,
    html: Timeline = None,
    force: Force = False,
    json: Json = None,
) -> None:
    """Say where the time of one start goes, on an unmodified binary."""
    from labhelpers.show.progress import bar
    from labhelpers.show.timeline import phases_text
    from labhelpers.startup.measure import parse_command
    from labhelpers.startup.phases import find_method, measure_phases

    if html:
        refuse_overwriting([html], force)
    parsed, chosen, state = parse_command(command), find_method(method), one_cache(cache)
    with bar("start") as advance:
        found = measure_phases([parsed], rounds or 0, seed, timeout, chosen, state, advance)
    if html:
        from labhelpers.show.timeline_html import phases_page

        write_page(html, phases_page(found))
    deliver(json, found[0].as_dict(), lambda: phases_text(found))


@app.command()
def init(
    program: Annotated[str, typer.Argument(help="A program's name, or a main package's folder.")],
    go: Annotated[str, typer.Option(help="Go release: current, article, 1.25 …")] = "current",
    config: Annotated[str, typer.Option(help="A named configuration.")] = "default",
    gomaxprocs: Annotated[
        int | None, typer.Option(help="Sets GOMAXPROCS for the starts.", min=1)
    ] = None,
    args: Annotated[str, typer.Option(help="Arguments for the program, in quotes.")] = "",
    rounds: Rounds = 40,
    timeout: Timeout = 10.0,
    seed: Seed = None,
    html: Timeline = None,
    force: Force = False,
    json: Json = None,
) -> None:
    """Time each step of the Go runtime before main, in a build with an instrumented runtime."""
    from labhelpers.configs import find_config
    from labhelpers.programs import find_program
    from labhelpers.runtime.init import measure_init
    from labhelpers.show.progress import bar
    from labhelpers.show.timeline import init_text
    from labhelpers.startup.measure import split_words
    from labhelpers.toolchain import toolchain

    if html:
        refuse_overwriting([html], force)
    words = split_words(args)
    wanted = find_program(program), toolchain(go), find_config(config)
    with bar("start") as advance:
        found = measure_init(*wanted, gomaxprocs, rounds or 0, seed, timeout, advance, words)
    if html:
        from labhelpers.show.timeline_html import init_page

        write_page(html, init_page(found))
    deliver(json, found.as_dict(), lambda: init_text(found))


@app.command()
def reproduce(
    quick: Annotated[bool, typer.Option("--quick", help="Two programs, 40 rounds.")] = False,
    programs: Annotated[str, typer.Option(help="Names or folders, separated by commas.")] = "",
    go: Annotated[str, typer.Option(help="Go releases, separated by commas.")] = "",
    configs: Annotated[str, typer.Option(help="Configurations, separated by commas.")] = "",
    cache: Annotated[str, typer.Option(help="warm, cold, or warm,cold.")] = "",
    rounds: Rounds = None,
    timeout: Timeout = 10.0,
    seed: Seed = None,
    out: Annotated[
        Path | None, typer.Option(help="Write OUT.json and OUT.html (golab-reproduce-SEED).")
    ] = None,
    force: Annotated[bool, typer.Option(help="Overwrite them.")] = False,
    html: Annotated[bool, typer.Option(help="Write the report OUT.html.")] = True,
    record: Annotated[
        str, typer.Option(help="Also keep the result in data/recorded under this name.")
    ] = "",
    json: Json = None,
) -> None:
    """Run the 63 % experiment: build, start, judge; print it, and write JSON and an HTML report."""
    from dataclasses import replace

    from labhelpers.documents import study_document
    from labhelpers.files import write_json
    from labhelpers.readings import readings
    from labhelpers.show.progress import stages
    from labhelpers.show.tables import study_text
    from labhelpers.startup.measure import draw_seed
    from labhelpers.study import LEAST_FOR_READINGS, QUICK, Design, run_study
    from labhelpers.verdict import verdict

    design = QUICK if quick else Design()
    given: dict[str, Any] = {
        "programs": split_names(programs),
        "releases": split_names(go),
        "configs": split_names(configs),
        "caches": cache_states(cache) if cache else (),
        "rounds": rounds,
    }
    changed = {name: value for name, value in given.items() if value not in (None, ())}
    design = replace(design, **changed, seed=draw_seed(seed), timeout=timeout)
    out = out or Path(f"golab-reproduce-{design.seed}")
    result_file, report_file = out.with_name(out.name + ".json"), out.with_name(out.name + ".html")
    refuse_overwriting([result_file, report_file], force)
    with stages() as progress:
        study = run_study(design, progress)
    found = readings(study) if study.rounds >= LEAST_FOR_READINGS else []
    document = study_document(study)
    write_json(str(result_file), document)
    judged = verdict(study, found) if found else None
    deliver(json, document, lambda: study_text(study, found, judged))
    if record and not study.interrupted:
        from labhelpers.recorded import record as keep

        again = f"golab reproduce --record {record} --rounds {study.rounds} --seed {study.seed}"
        files = keep(study, record, again)
        from labhelpers.show.figures import effects

        effects(study).savefig(files[0].with_suffix(".png"), dpi=110)
    if html and not study.interrupted:
        from labhelpers.show.report import write_report

        print(f"golab: writing the report {report_file}…", file=sys.stderr)
        write_report(result_file, report_file)
    written = [str(file) for file in (result_file, report_file) if file.exists()]
    print(f"golab: wrote {' and '.join(written)}", file=sys.stderr)
    if study.interrupted:
        cut_short(study.interrupted)


@app.command()
def test() -> None:
    """Run the tests: lint, types, unit tests, and every lab as a test. Needs the checkout."""
    from labhelpers.testing import run_tests

    if failed := run_tests():
        raise CheckFailed(f"failed: {', '.join(failed)}")


for command in (advise, cgo, corpus, claims):
    app.command()(command)
