"""What is written is whole or not there, and stands where it was asked for."""

import os
import secrets
import stat
import sys
import threading
from pathlib import Path

import pytest

from refebm.files import see_apart, see_writable, write_json, write_text
from refebm.glossary import InputError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_has_the_mode_of_the_umask_and_an_old_one_keeps_its_own(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "new", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    (tmp_path / "new").chmod(0o604)
    write_text(tmp_path / "new", "other")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o604 and (tmp_path / "new").read_text() == "other"
    assert names(tmp_path) == ["new"]


def test_links_are_followed(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "file")
    (tmp_path / "to come").symlink_to(tmp_path / "folder" / "other")
    for link in ("link", "to come"):
        see_writable(tmp_path / link)
        write_text(tmp_path / link, "new")
        assert (tmp_path / link).is_symlink() and (tmp_path / link).read_text() == "new"
    assert names(tmp_path / "folder") == ["file", "other"]
    (tmp_path / "round").symlink_to(tmp_path / "round")
    for write in (see_writable, lambda path: write_text(path, "")):
        with pytest.raises(InputError, match="E-FILE"):
            write(tmp_path / "round")


def test_a_file_of_the_users_or_a_link_beside_it_is_left_alone(tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "out.partial").symlink_to(tmp_path / "precious")
    (tmp_path / "mine.partial").write_text("mine")
    for name in ("out", "mine"):
        see_writable(tmp_path / name)
        write_text(tmp_path / name, "new")
    assert (tmp_path / "precious").read_text() == "precious" and (tmp_path / "mine.partial").read_text() == "mine"
    assert names(tmp_path) == ["mine", "mine.partial", "out", "out.partial", "precious"]


def test_what_is_no_plain_file_is_written_to_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    see_writable(pipe)
    write_text(pipe, "through a pipe")
    reader.join(10)
    assert got == ["through a pipe"] and stat.S_ISFIFO(pipe.stat().st_mode)
    (tmp_path / "null").symlink_to(os.devnull)
    write_text(tmp_path / "null", "nothing")
    assert (tmp_path / "null").is_symlink() and stat.S_ISCHR(os.stat(os.devnull).st_mode)
    assert names(tmp_path) == ["null", "pipe"]


def test_two_writers_do_not_mix(tmp_path, monkeypatch):
    """The second comes when the first has written, and has not renamed."""
    replace, seen = os.replace, []

    def second(source, target):
        if not seen:
            seen.append(source)
            write_text(tmp_path / "out", "second" * 1000)
        replace(source, target)

    monkeypatch.setattr(os, "replace", second)
    write_text(tmp_path / "out", "first")
    assert (tmp_path / "out").read_text() == "first" and names(tmp_path) == ["out"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("x" * 256, "File name too long"),
        ("file/x.json", "Not a directory"),
        ("absent/x.json", "No such file or directory"),
        ("folder", "it is a folder"),
        ("a\0b", "null"),
        ("/dev/full", "No space left on device"),
    ],
)
def test_what_cannot_be_written_is_an_error_with_a_code(tmp_path, path, said):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=f"E-FILE.*{said}"):
        write_text(tmp_path / path, "text")
    if path != "/dev/full":
        with pytest.raises(InputError, match=f"E-FILE.*{said}"):
            see_writable(tmp_path / path)
    assert names(tmp_path) == ["file", "folder"]


def test_the_longest_name(tmp_path):
    see_writable(tmp_path / ("x" * 255))
    write_text(tmp_path / ("x" * 255), "text")
    assert names(tmp_path) == ["x" * 255]


def test_files_that_are_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_text("")
    (tmp_path / "link").symlink_to("a")
    os.link("a", "twin")
    (tmp_path / "to come").symlink_to("b")
    path = type(tmp_path)
    for one, other in (("a", "./a"), ("a", "link"), ("link", "twin"), ("b", "to come"), ("c", "x/../c")):
        with pytest.raises(InputError, match="E-OPTION: --markdown and --json are the same file"):
            see_apart({"--json": path(one), "--markdown": path(other)}, {})
        with pytest.raises(InputError, match="E-OPTION: --json and --data are the same file"):
            see_apart({"--json": path(one)}, {"--data": path(other)})
    see_apart({"--json": path("a"), "--markdown": path("b")}, {"--data": path("c")})


def test_a_record_is_indented_by_one_and_ends_its_line(tmp_path):
    write_json(tmp_path / "record", {"a": [1]})
    assert (tmp_path / "record").read_text() == '{\n "a": [\n  1\n ]\n}\n'


def test_a_name_that_is_taken_is_not_written_through(tmp_path, monkeypatch):
    """Not even by one who guesses the name of the temporary file."""
    monkeypatch.setattr(secrets, "token_hex", lambda n: "guessed")
    (tmp_path / "precious").write_text("precious")
    (tmp_path / ".guessed.partial").symlink_to(tmp_path / "precious")
    with pytest.raises(InputError, match="E-FILE"):
        write_text(tmp_path / "out", "new")
    assert (tmp_path / "precious").read_text() == "precious" and not (tmp_path / "out").exists()


def test_what_was_printed_before_comes_before(monkeypatch):
    """Our output is flushed before a device is written to; where there is none, nothing is."""
    flushed = []
    monkeypatch.setattr(sys, "stdout", type("Output", (), {"flush": lambda self: flushed.append(1)})())
    write_text(Path(os.devnull), "text")
    assert flushed == [1]
    monkeypatch.setattr(sys, "stdout", None)
    write_text(Path(os.devnull), "text")


def test_no_descriptor_is_left_open():
    before = os.listdir("/dev/fd")
    for _ in range(3):
        see_writable(Path("/dev/fd/1"))
        write_text(Path("/dev/fd/1"), "")
    assert os.listdir("/dev/fd") == before
