"""Which package a name belongs to."""

import pytest

from labhelpers.binary.names import package_of, without_abi
from labhelpers.binary.owners import GENERATED, C, owner


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("main.main", "main"),
        ("runtime.mallocgc", "runtime"),
        ("net/http.(*Server).Serve", "net/http"),
        ("net/http.(*Server).Serve.func1.2", "net/http"),
        ("gopkg.in/yaml%2ev3.Marshal", "gopkg.in/yaml.v3"),
        ("go.uber.org/zap.(*Logger).Info", "go.uber.org/zap"),
        ("crypto/internal/entropy/v1%2e0%2e0.Seed", "crypto/internal/entropy/v1.0.0"),
        ("slices.Sort[go.shape.[]github.com/a/b.T]", "slices"),
        ("sync/atomic.(*Pointer[net/http.response]).Load", "sync/atomic"),
        ("vendor/golang.org/x/net/idna.init", "vendor/golang.org/x/net/idna"),
        ("type:.eq.net/http.Request", ""),
        ("go:main.inittasks", ""),
        ("go:itab.*os.File,io.Writer", ""),
        ("type..eq.[2]string", ""),
        ("_cgo_init", ""),
        ("runtime/cgo(.text.unlikely)", ""),
        ("memeqbody", ""),
        ("", ""),
        (".", ""),
        ("[", ""),
    ],
)
def test_package_of(name: str, package: str) -> None:
    assert package_of(name) == package


def test_assembly_functions_lose_their_mark() -> None:
    assert without_abi("runtime.rt0_go.abi0") == "runtime.rt0_go"
    assert without_abi("runtime.main") == "runtime.main"


def test_what_is_no_package_has_a_name_of_its_own() -> None:
    known = {"main"}
    assert owner("main.x", known, go=False) == "main"
    assert owner("completed.0", known, go=False) == C
    assert owner("unicode.Greek", known, go=True) == "unicode"
    assert owner("x_cgo_init", known, go=True) == C
    assert owner("type:.eq.main.T", known, go=True) == GENERATED
