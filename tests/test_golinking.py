import pytest

from labhelpers.errors import LabError
from labhelpers.experiments.golinking import builds_without_tools, cgo_packages, compiled_object
from labhelpers.programs import find_program
from labhelpers.toolchain import Toolchain


def test_net_and_user_bring_c_and_two_switches_keep_it_out(current_go: Toolchain) -> None:
    netuser = find_program("netuser")
    assert set(cgo_packages(netuser, current_go, cgo=True)) == {"runtime/cgo", "net", "os/user"}
    assert cgo_packages(netuser, current_go, cgo=False) == []
    assert cgo_packages(netuser, current_go, cgo=True, tags=("netgo", "osusergo")) == []
    assert "os/user" in cgo_packages(netuser, current_go, cgo=True, tags=("netgo",))
    assert cgo_packages(find_program("hello"), current_go, cgo=True) == []


def test_go_links_its_own_objects_by_itself(current_go: Toolchain) -> None:
    hello = find_program("hello")
    made = compiled_object(hello, current_go)
    assert (made.is_go, made.is_elf) == (True, False)
    assert made.bytes > 0
    assert builds_without_tools(hello, current_go)


def test_a_failure_of_the_go_command_is_told(current_go: Toolchain) -> None:
    with pytest.raises(LabError, match="go build failed for hello"):
        compiled_object(find_program("hello"), current_go, "no/such/package")
