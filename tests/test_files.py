"""Files are written whole or not at all; hashes are of content alone; long texts are cut."""

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from oro_unlearn.cli.errors import explain
from oro_unlearn.files import (
    first_line,
    one_line,
    replacing,
    replacing_in,
    sha256,
    sha256_of,
    shortened,
    write_json,
    write_text,
)


@pytest.fixture
def path(tmp_path) -> Path:
    (tmp_path / "a.txt").write_text("old")
    return tmp_path / "a.txt"


def only(path: Path, text: str) -> bool:
    """The file has this text, and nothing lies beside it."""
    return path.read_text() == text and list(path.parent.iterdir()) == [path]


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a.txt")


def half_written(path: Path) -> None:
    with replacing(path) as partial:
        partial.write_text("ne")
        full()


def half_of_two(path: Path) -> None:
    with replacing_in(path.parent, ["a.txt", "b.txt"]) as folder:
        (folder / "a.txt").write_text("new")
        full()


@pytest.mark.parametrize("write", [half_written, half_of_two])
def test_a_write_that_fails_halfway_leaves_the_old_file_and_no_other(path, write):
    with pytest.raises(OSError, match="No space left"):
        write(path)
    assert only(path, "old")


@pytest.mark.parametrize("place", ["os.fsync", "os.replace"])
def test_a_disk_that_is_full_at_the_end_is_told_as_one(path, monkeypatch, place):
    monkeypatch.setattr(place, full)
    with pytest.raises(OSError) as error:
        write_text("new", path)
    assert only(path, "old")
    line = "a.txt cannot be used (No space left on device): make room on the disk, or choose another --trainer.default_root_dir"
    assert explain(error.value) == line


def test_the_new_file_takes_the_place_of_the_old_one(path):
    (path.parent / "a.txt.part").write_text("left by a run that was killed")
    (path.parent / "a.txt.part").chmod(0o400)
    write_text("new", path)
    assert only(path, "new")


def test_missing_folders_are_made(tmp_path):
    write_json({"a": 1}, tmp_path / "b" / "c" / "d.json")
    assert (tmp_path / "b" / "c" / "d.json").read_text() == '{\n "a": 1\n}\n'


def test_json_that_no_other_reader_takes_is_not_written(path):
    with pytest.raises(ValueError, match="JSON"):
        write_json({"a": float("nan")}, path)
    assert only(path, "old")


def test_what_goes_before_waits_until_the_new_file_is_whole(path):
    seen = []
    with replacing(path, lambda: seen.append(path.with_name("a.txt.part").read_text())) as partial:
        partial.write_text("new")
        assert not seen
    assert seen == ["new"]
    with pytest.raises(OSError), replacing(path, lambda: seen.append("again")) as partial:
        full()
    assert len(seen) == 1


def test_two_writers_at_the_same_time_do_no_harm(path):
    with replacing_in(path.parent, ["a.txt"]) as first:
        (first / "a.txt").write_text("first")
        with replacing_in(path.parent, ["a.txt"]) as second:
            (second / "a.txt").write_text("second")
        assert path.read_text() == "second"
    assert only(path, "first")


def test_files_that_belong_together_are_all_whole_before_one_is_replaced(path):
    with pytest.raises(FileNotFoundError), replacing_in(path.parent, ["a.txt", "b.txt"]) as folder:
        (folder / "a.txt").write_text("new")
    assert only(path, "old")


def test_hashes_are_of_the_content(path):
    content = os.urandom(3 << 20)
    path.write_bytes(content)
    wanted = hashlib.sha256(content).hexdigest()
    assert (
        sha256(path) == sha256(str(path)) == sha256_of([content]) == sha256_of([content[:5], memoryview(content)[5:]]) == wanted
    )
    assert sha256_of(["ä", path]) == hashlib.sha256("ä".encode() + content).hexdigest()


def test_texts_are_cut_where_they_are_too_long():
    assert shortened("a" * 80) == "a" * 80
    assert shortened("a" * 81) == "a" * 77 + "..."
    assert shortened("a" * 300, 60, "…") == "a" * 59 + "…"
    assert one_line("two\n lines\t") == "two lines"
    assert first_line(RuntimeError("one\ntwo")) == "one"
    assert first_line(EOFError()) == "EOFError"


def test_it_can_be_imported_without_torch():
    code = "import oro_unlearn.files, sys; assert not {'torch', 'numpy', 'lightning'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
