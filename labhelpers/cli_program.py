"""The commands about people's own programs: `golab advise`, `golab cgo` and `golab corpus`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labhelpers.cli_parts import (
    Force,
    Json,
    Seed,
    Timeout,
    cache_states,
    cut_short,
    deliver,
    refuse_overwriting,
    split_names,
    write_page,
)
from labhelpers.errors import CheckFailed, LabError

if TYPE_CHECKING:
    from labhelpers.startup.until import Until

Package = Annotated[
    str, typer.Argument(help="A program's name, a main package's folder, or PACKAGE@VERSION.")
]
Go = Annotated[str, typer.Option(help="Go release: current, article, 1.25 …")]
AdviseRounds = Annotated[
    int | None,
    typer.Option(help="Starts of every build, at least 12; if not set, what fits into --seconds."),
]
Seconds = Annotated[
    float, typer.Option(help="Time to spend on starts, where there are no --rounds.", min=1)
]


def advise(
    package: Package,
    go: Go = "current",
    args: Annotated[str, typer.Option(help="Arguments for the program, in quotes.")] = "",
    env: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE for its environment; may be repeated.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="Each start finds a fresh copy of this folder; else an empty one."),
    ] = None,
    ready_http: Annotated[
        str, typer.Option(help="A server: a start ends when this URL answers.")
    ] = "",
    ready_tcp: Annotated[
        str, typer.Option(help="A server: a start ends when this [HOST:]PORT accepts.")
    ] = "",
    first_byte: Annotated[
        bool, typer.Option("--first-byte", help="A start ends at the first output.")
    ] = False,
    cache: Annotated[str, typer.Option(help="warm, cold, or warm,cold.")] = "warm,cold",
    rounds: AdviseRounds = None,
    seconds: Seconds = 90.0,
    timeout: Timeout = 10.0,
    seed: Seed = None,
    html: Annotated[Path | None, typer.Option(help="Write the answer as a page.")] = None,
    force: Force = False,
    json: Json = None,
) -> None:
    """Say which steps help your own program, by how much, and which build to use."""
    from labhelpers.advice.advise import Question
    from labhelpers.advice.advise import advise as answer
    from labhelpers.advice.document import advice_document
    from labhelpers.modules import find_package
    from labhelpers.show.advice_text import advice_text
    from labhelpers.show.progress import stages
    from labhelpers.startup.measure import split_words
    from labhelpers.toolchain import toolchain

    if html:
        refuse_overwriting([html], force)
    if folder and not folder.is_dir():
        raise LabError(f"There is no folder {folder}: name one for --folder, or leave it out.")
    until, words, variables = _until(ready_http, ready_tcp, first_byte), split_words(args), env
    states, chain = cache_states(cache), toolchain(go)
    question = Question(
        program=find_package(package, chain),
        chain=chain,
        package=package,
        until=until,
        arguments=tuple(words),
        variables=_variables(variables or []),
        folder=folder and folder.resolve(),
        timeout=timeout,
        caches=states,
        rounds=rounds,
        seed=seed,
        seconds=seconds,
    )
    with stages() as progress:
        advice = answer(question, progress)
    if html:
        from labhelpers.show.advice_html import advice_page

        write_page(html, advice_page(advice))
    deliver(json, advice_document(advice), lambda: advice_text(advice))
    if advice.interrupted:
        cut_short(advice.interrupted)


def cgo(
    package: Package,
    go: Go = "current",
    builds: Annotated[bool, typer.Option(help="Also try whether it builds without cgo.")] = True,
    json: Json = None,
) -> None:
    """Say why cgo is in a program: who imports it, what removes it, and what would then differ."""
    from labhelpers import machine
    from labhelpers.cgo.report import cgo_report
    from labhelpers.modules import find_package
    from labhelpers.show.cgo_text import cgo_text
    from labhelpers.show.progress import stages
    from labhelpers.toolchain import toolchain

    chain = toolchain(go)
    program = find_package(package, chain)
    with stages() as progress:
        report = cgo_report(program, chain, builds, progress)
    document = {
        "schema": "golab/cgo/1",
        "machine": machine.describe().as_dict(),
        **report.as_dict(),
    }
    deliver(json, document, lambda: cgo_text(report))


def corpus(
    names: Annotated[
        str, typer.Argument(help="Programs of the corpus, separated by commas; all if not given.")
    ] = "",
    rounds: AdviseRounds = None,
    seconds: Seconds = 90.0,
    seed: Seed = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Only say what the corpus holds, and what is recorded.")
    ] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Keep the results in data/recorded.")
    ] = False,
    json: Json = None,
) -> None:
    """Fetch, build and measure well-known programs as `golab advise` does."""
    from labhelpers.advice.document import advice_document
    from labhelpers.corpus import load_corpus, run_corpus
    from labhelpers.show.corpus_text import corpus_text, list_text
    from labhelpers.show.progress import stages

    entries = load_corpus(split_names(names))
    if listed:
        print(list_text(entries))
        return
    found, failed = run_corpus(
        entries, rounds, seconds, seed, record, lambda entry: stages(entry.name)
    )
    document = {
        "schema": "golab/corpus/1",
        "programs": [advice_document(advice) for advice in found],
        "failed": failed,
    }
    deliver(json, document, lambda: corpus_text(found))
    for name, why in failed.items():
        print(f"golab: {name}: {why}", file=sys.stderr)
    if failed:
        raise CheckFailed(f"failed: {', '.join(failed)}")


def _until(ready_http: str, ready_tcp: str, first_byte: bool) -> "Until":
    from labhelpers.startup.until import Exit, FirstByte, http, tcp

    if sum(map(bool, (ready_http, ready_tcp, first_byte))) > 1:
        raise LabError("A start has one end: take one of --ready-http, --ready-tcp, --first-byte.")
    if ready_http:
        return http(ready_http)
    if ready_tcp:
        return tcp(ready_tcp)
    return FirstByte() if first_byte else Exit()


def _variables(given: list[str]) -> dict[str, str]:
    variables = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name or "\0" in text:
            raise LabError(f"{text!r} is no variable: write --env NAME=VALUE.")
        variables[name] = value
    return variables
