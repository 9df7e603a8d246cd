from pathlib import Path

import pytest

from labhelpers.errors import LabError
from labhelpers.programs import bundled_programs, find_program, labs_folder, local_replacements

MAIN = "package main\n\nfunc main() {}\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "module" / "cmd" / "tool"
    folder.mkdir(parents=True)
    (tmp_path / "module" / "go.mod").write_text("module example.org/m\n\ngo 1.21\n")
    (folder / "main.go").write_text(MAIN)
    return folder


def test_the_bundled_programs() -> None:
    known = bundled_programs()
    assert {"hello", "empty", "httpd", "cgocall", "netuser"} <= set(known)
    assert all(own.bundled and own.root == own.folder for own in known.values())
    servers = {name for name, own in known.items() if own.server}
    assert servers == {"httpd", *(name for name in known if name.startswith("web-"))}
    assert (labs_folder() / "programs" / "hello" / "main.go").is_file()


def test_every_bundled_program_has_a_comment_and_a_module() -> None:
    for own in bundled_programs().values():
        assert (own.folder / "go.mod").read_text().startswith(f"module golab/{own.name}\n")
        # Programs that share their main.go say what they are in another file.
        texts = [path.read_text() for path in own.folder.glob("*.go")]
        assert sum(text.startswith(f"// Program {own.name} ") for text in texts) == 1, own.name


def test_a_folder_is_a_program(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = find_program(package)
    assert (own.name, own.bundled, own.server) == ("tool", False, False)
    assert own.root == package.parent.parent
    monkeypatch.chdir(package)
    assert find_program(".") == find_program(str(package)) == own


def test_a_folder_named_like_a_bundled_server_is_no_server(tmp_path: Path) -> None:
    folder = tmp_path / "httpd"
    folder.mkdir()
    (folder / "main.go").write_text(MAIN)
    assert not find_program(folder).server


def test_a_bundled_name_wins_over_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hello").mkdir()
    (tmp_path / "hello" / "main.go").write_text(MAIN)
    monkeypatch.chdir(tmp_path)
    assert find_program("hello").bundled
    assert not find_program("./hello").bundled


def test_the_home_folder_may_be_written_as_a_tilde(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(package.parent))
    assert find_program("~/tool").folder == package


def test_an_unknown_name_lists_the_choices() -> None:
    with pytest.raises(LabError) as caught:
        find_program("helo")
    message = str(caught.value)
    assert "\n" not in message
    assert "'helo'" in message
    for name in bundled_programs():
        assert name in message


def test_a_folder_without_go_files(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="holds no Go file"):
        find_program(tmp_path)


def test_a_file_is_no_folder(package: Path) -> None:
    with pytest.raises(LabError, match="nor a folder"):
        find_program(package / "main.go")


def test_the_content_changes_with_what_a_build_reads(package: Path) -> None:
    def content() -> str:
        return find_program(package).content

    seen = [content()]
    assert content() == seen[0]
    (package / "main.go").write_text(MAIN + "// more\n")
    seen.append(content())
    (package / "data.txt").write_text("embedded")
    seen.append(content())
    (package / "data.txt").rename(package / "other.txt")
    seen.append(content())
    (package.parent.parent / "library.go").write_text("package m\n")
    seen.append(content())
    assert len(set(seen)) == len(seen)


def test_the_content_does_not_depend_on_where_it_lies(tmp_path: Path) -> None:
    seen = set()
    for place in ("one", "a longer name"):
        folder = tmp_path / place / "tool"
        folder.mkdir(parents=True)
        (folder / "go.mod").write_text("module m\n")
        (folder / "main.go").write_text(MAIN)
        seen.add(find_program(folder).content)
    assert len(seen) == 1


def test_version_control_is_no_content(package: Path) -> None:
    before = find_program(package).content
    (package.parent.parent / ".git").mkdir()
    (package.parent.parent / ".git" / "index").write_text("x")
    assert find_program(package).content == before


def test_bytes_that_move_between_files_change_the_content(package: Path) -> None:
    (package / "a.txt").write_text("12")
    (package / "b.txt").write_text("3")
    before = find_program(package).content
    (package / "a.txt").write_text("1")
    (package / "b.txt").write_text("23")
    assert find_program(package).content != before


def test_links_that_lead_nowhere_are_no_content(package: Path) -> None:
    before = find_program(package).content
    (package / "dangling").symlink_to("nowhere")
    (package / "loop").symlink_to("loop")
    assert find_program(package).content == before


def test_what_cannot_be_read_is_one_sentence(package: Path) -> None:
    (package / "memory").symlink_to("/proc/self/mem")
    with pytest.raises(LabError, match="memory cannot be read") as caught:
        _ = find_program(package).content
    assert "\n" not in str(caught.value)


def test_local_replacements_count(package: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "library.go").write_text("package library\n")
    root = package.parent.parent
    go_mod = root / "go.mod"
    go_mod.write_text(go_mod.read_text() + "replace example.org/l v1.0.0 => ../library\n")
    assert local_replacements(root) == [library]
    before = find_program(package).content
    (library / "library.go").write_text("package library\n\nconst A = 1\n")
    assert find_program(package).content != before


def test_replacements_by_modules_and_missing_folders_do_not_count(package: Path) -> None:
    root = package.parent.parent
    (root / "go.mod").write_text(
        "module m\nreplace (\n\ta => example.org/b v1.2.3\n\tc => ./missing\n\td => ./cmd\n)\n"
    )
    assert local_replacements(root) == [root / "cmd"]


def test_a_workspace_counts_as_a_whole(package: Path, tmp_path: Path) -> None:
    (tmp_path / "go.work").write_text("go 1.21\n\nuse ./module\n")
    assert find_program(package).root == tmp_path
    before = find_program(package).content
    (tmp_path / "neighbour.go").write_text("package n\n")
    assert find_program(package).content != before
