import platform

import pytest

from labhelpers.errors import LabError
from labhelpers.experiments import otherlibc
from labhelpers.experiments.otherlibc import LOADERS, build_beside, compare_libcs
from labhelpers.experiments.reproducible import WAYS, Workshop
from labhelpers.programs import find_program
from labhelpers.toolchain import toolchain


@pytest.fixture(autouse=True)
def _allowed() -> None:
    if reason := otherlibc.impossible():
        pytest.skip(reason)


@pytest.mark.parametrize("release", ["article", "current"])
def test_only_a_pie_depends_on_the_c_library(release: str) -> None:
    ways = [WAYS["-trimpath, -s -w"], WAYS["all three"]]
    with Workshop(find_program("empty"), toolchain(release)) as shop:
        rows = compare_libcs(shop, ways)
        here = [shop.build(way).short for way in ways]
    glibc, musl, pie_glibc, pie_musl = rows
    assert glibc.hash == musl.hash == here[0]
    assert glibc.loader == musl.loader == ""
    assert pie_glibc.hash != pie_musl.hash
    assert here[1] in (pie_glibc.hash, pie_musl.hash)
    assert [pie_glibc.loader, pie_musl.loader] == list(LOADERS[platform.machine()].values())


def test_a_build_that_fails_in_the_root_says_so() -> None:
    with Workshop(find_program("empty"), toolchain("current")) as shop:
        (shop.folder() / "main.go").write_text("package main\n\nfunc main() { nothing() }\n")
        with pytest.raises(LabError, match="undefined: nothing"):
            build_beside(shop, WAYS["all three"], "/lib/none")
