import json
import os
import stat
import threading
from pathlib import Path

import pytest
from helpers import names

from labhelpers.errors import LabError
from labhelpers.files import read_json, write_json, write_whole


def test_a_file_is_written_whole_and_readable(tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    write_json(str(file), {"schema": "golab/x/1", "word": "−63 %"})
    assert read_json(file) == {"schema": "golab/x/1", "word": "−63 %"}
    umask = os.umask(0o22)
    os.umask(umask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask
    assert names(tmp_path) == ["out.json"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_write_that_is_cut_short_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    file = tmp_path / "out.json"
    file.write_text("old")

    def fail(self: Path, target: Path) -> None:
        raise error

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises((KeyboardInterrupt, LabError)):
        write_whole(file, "new")
    assert file.read_text() == "old"
    assert names(tmp_path) == ["out.json"]


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="could not be written") as caught:
        write_whole(tmp_path / "missing" / "out", "x")
    assert "\n" not in str(caught.value)


def device(file: Path, minor: int) -> Path:
    """Make a device of the memory driver, as /dev/null is one.

    The real ones are never written to here: were they replaced, the whole machine would suffer.
    """
    try:
        os.mknod(file, 0o600 | stat.S_IFCHR, os.makedev(1, minor))
        file.open("w").close()
    except OSError:
        pytest.skip("a device needs the right to make one")
    return file


def test_a_full_device_is_one_sentence(tmp_path: Path) -> None:
    full = device(tmp_path / "full", 7)
    with pytest.raises(LabError, match="No space left"):
        write_whole(full, "x" * 10_000)
    assert full.is_char_device()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    link = tmp_path / "link"
    link.symlink_to("real")
    write_whole(link, "new")
    assert link.is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_device_stays_a_device(tmp_path: Path) -> None:
    null = device(tmp_path / "null", 3)
    write_whole(null, "x")
    assert null.is_char_device()
    assert names(tmp_path) == ["null"]


def test_a_pipe_gets_the_text_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    write_whole(pipe, "hello")
    reader.join(30)
    assert got == ["hello"]
    assert pipe.is_fifo()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="could not be written"):
        write_whole(tmp_path, "x")


def test_numbers_that_json_does_not_know_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(str(tmp_path / "out"), {"x": float("nan")})
    assert not names(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", '"x"', "\0", '{"a": 1'])
def test_what_is_no_result_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "in.json"
    file.write_text(text)
    with pytest.raises(LabError, match="name a result file"):
        read_json(file)


def test_bytes_that_are_no_text_and_a_missing_file(tmp_path: Path) -> None:
    file = tmp_path / "in.json"
    with pytest.raises(LabError, match="cannot be read"):
        read_json(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(LabError, match="cannot be read"):
        read_json(file)


def test_standard_output_gets_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    write_json("-", {"a": 1})
    assert json.loads(capsys.readouterr().out) == {"a": 1}
