"""`draw(v)`: every form of the picture, with and without a renderer."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from autograd_lite import AutogradError, Value, draw, leaves
from autograd_lite.errors import ArgumentError, InputTypeError
from autograd_lite.render import files
from autograd_lite.render.files import RenderError, write_atomically

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")


@pytest.fixture
def picture():
    x, y = leaves(x=3.0, y=-2.0)
    z = (x * y).named("z")
    z.backward()
    return draw(z)


@pytest.fixture
def no_dot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing here"))


@needs_dot
@pytest.mark.parametrize(
    ("ending", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("PNG", b"\x89PNG")]
)
def test_a_picture_is_saved_in_the_format_of_the_name(picture, tmp_path, ending, start):
    path = tmp_path / f"z.{ending}"
    assert picture.save(path) == str(path)
    assert path.read_bytes().startswith(start)


def test_dot_and_text_need_no_renderer(picture, tmp_path, no_dot):
    assert (Path(picture.save(tmp_path / "z.dot"))).read_text(encoding="utf-8") == picture.dot()
    assert (Path(picture.save(str(tmp_path / "z.txt")))).read_text(encoding="utf-8") == picture.text() + "\n"


def test_without_dot_one_short_error_names_the_command_and_what_works_anyway(picture, tmp_path, no_dot):
    with pytest.raises(RenderError) as caught:
        picture.save(tmp_path / "z.svg")
    said = str(caught.value)
    assert files.install_command() in said
    assert ".dot" in said
    assert "\n" not in said
    assert len(said) < 160
    assert isinstance(caught.value, AutogradError)
    assert isinstance(caught.value, RuntimeError)
    assert not list(tmp_path.iterdir())


def test_without_the_package_the_error_names_pip(picture, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(RenderError, match="pip install graphviz"):
        picture.graphviz()
    with pytest.raises(RenderError, match="pip install graphviz"):
        picture.save(tmp_path / "z.png")
    assert picture._repr_svg_() is None


@needs_dot
def test_a_failure_of_dot_is_told_in_one_line(tmp_path):
    with pytest.raises(RenderError, match=r"got exit status 1 \(.*syntax error"):
        files.render("digraph {", "svg")


def test_an_unknown_format_is_refused_with_the_known_ones(picture, tmp_path):
    with pytest.raises(ArgumentError, match=r"one of \.svg, \.png, \.pdf, \.dot, \.gv, \.txt, got 'z\.jpg'"):
        picture.save("z.jpg")


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "f.txt"
    path.write_text("old")

    def failing(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["f.txt"]


def test_a_link_is_followed_not_replaced_and_the_umask_is_kept(tmp_path):
    target = tmp_path / "target.txt"
    target.write_text("old")
    (tmp_path / "link.txt").symlink_to(target)
    write_atomically(tmp_path / "link.txt", b"new")
    assert target.read_bytes() == b"new"
    assert (tmp_path / "link.txt").is_symlink()
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~mask


def test_a_folder_or_a_device_is_not_replaced(tmp_path):
    with pytest.raises(ArgumentError, match="must be that of a file"):
        write_atomically(tmp_path, b"")
    with pytest.raises(ArgumentError, match="must be that of a file"):
        write_atomically(os.devnull, b"")
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "missing" / "f.txt", b"")


@needs_dot
def test_a_notebook_gets_the_picture_and_the_text(picture):
    bundle = picture._repr_mimebundle_()
    assert bundle["text/plain"] == picture.text()
    assert "<svg" in bundle["image/svg+xml"]
    assert "<svg" in picture._repr_svg_()


def test_a_notebook_without_dot_gets_the_text_and_no_error(picture, no_dot):
    assert picture._repr_mimebundle_() == {"text/plain": picture.text()}
    assert picture._repr_svg_() is None


def test_in_a_repl_the_picture_is_the_tree(picture, monkeypatch):
    assert repr(picture) == picture.text(encoding=sys.stdout.encoding)

    class Windows:
        encoding = "cp1252"

    monkeypatch.setattr(sys, "stdout", Windows())
    assert repr(picture) == picture.text(encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", None)
    assert repr(picture) == picture.text(encoding="ascii")


def test_graphviz_gets_the_source(picture):
    assert picture.graphviz().source == picture.dot()


def test_a_leaf_alone_is_a_picture():
    assert draw(Value(2.0, label="x")).text().split() == ["value", "x", "2"]
    assert draw(Value(2.0)).text().split() == ["value", "leaf", "2"]
    assert draw(Value(2.0, role="input")).text().split() == ["value", "input", "2"]
    assert 'BORDER="2"' in draw(Value(2.0)).dot()


@pytest.mark.parametrize("thing", [3.0, None, "x", [Value(1.0)]])
def test_only_a_value_can_be_drawn(thing):
    with pytest.raises(InputTypeError, match=r"draw: a Value is needed, got .* Draw the one Value"):
        draw(thing)


def test_digits_are_checked():
    with pytest.raises(ArgumentError, match=r"digits must lie in 1\.\.17, got 0"):
        draw(Value(1.0), digits=0)
    assert "0.2" in draw(Value(0.1966), digits=1).text()


def test_importing_the_library_imports_no_engine():
    program = (
        "import sys; import autograd_lite; "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('graphviz', 'argparse', 'typing', 're', 'json', 'inspect', 'dataclasses', 'subprocess', 'tempfile')"
        " or m.startswith('autograd_lite.render.') and m != 'autograd_lite.render.drawing'])"
    )
    run = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True,
                         cwd=Path(__file__).parents[2])  # fmt: skip
    assert run.stdout.strip() == "[]"
