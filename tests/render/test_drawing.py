"""`draw(v)`: every form of the picture, with and without a renderer."""

import os
import re
import shutil
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import autograd_lite as ag
from autograd_lite import AutogradError, Value, draw, leaves
from autograd_lite.errors import ArgumentError, InputTypeError, RenderError
from autograd_lite.render import Drawing, files
from autograd_lite.render.dot_text import ENDLESS, LONG, ranks_passed
from autograd_lite.render.drawing import ELSEWHERE
from autograd_lite.render.files import write_atomically
from autograd_lite.render.inline import inlined

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")
SVG = "{http://www.w3.org/2000/svg}"


def draw_again(picture, engine):
    return Drawing(picture._scene, engine, picture._theme)


def builtin(picture):
    return draw_again(picture, "builtin").svg()


@pytest.fixture
def picture():
    x, y = leaves(x=3.0, y=-2.0)
    z = (x * y).named("z")
    z.backward()
    return draw(z)


@pytest.fixture
def no_dot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing here"))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


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
        picture.save(tmp_path / "z.png")
    said = str(caught.value)
    assert files.install_command() in said
    assert ".svg" in said
    assert "\n" not in said
    assert len(said) < 160
    assert isinstance(caught.value, AutogradError)
    assert isinstance(caught.value, RuntimeError)
    assert not list(tmp_path.iterdir())


def test_with_nothing_of_graphviz_the_error_names_the_one_package_that_is_enough(
    picture, tmp_path, no_dot, monkeypatch
):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(RenderError, match=r"\.pdf needs Graphviz, got none\. Run `python -m pip install pygraphviz`"):
        picture.save(tmp_path / "z.pdf")


def test_without_the_package_the_error_names_pip(picture, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")  # the command alone is there
    with pytest.raises(RenderError, match="pip install graphviz"):
        picture.graphviz()
    with pytest.raises(RenderError, match="pip install graphviz"):
        picture.save(tmp_path / "z.png")
    assert picture._repr_svg_() == inlined(builtin(picture))


@needs_dot
def test_a_failure_of_dot_is_told_in_one_line(tmp_path):
    with pytest.raises(RenderError, match=r"got exit status 1 \(.*syntax error"):
        files.render("digraph {", "svg")


def test_an_unknown_format_is_refused_with_the_known_ones(picture, tmp_path):
    with pytest.raises(ArgumentError, match=r"one of \.svg, \.html, \.png, \.pdf, \.dot, \.gv, \.txt, got 'z\.jpg'"):
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
    missing = tmp_path / "missing" / "f.txt"
    with pytest.raises(FileNotFoundError) as caught:
        write_atomically(missing, b"")
    assert str(caught.value).endswith(f"No such file or directory: {str(missing)!r}")


@needs_dot
def test_a_notebook_gets_the_picture_and_the_text(picture):
    bundle = picture._repr_mimebundle_()
    assert bundle["text/plain"] == picture.text()
    assert "<svg" in bundle["image/svg+xml"]
    assert "<svg" in picture._repr_svg_()


def test_a_notebook_without_dot_gets_the_built_in_picture(picture, no_dot):
    shown = inlined(builtin(picture))
    assert picture._repr_mimebundle_() == {"text/plain": picture.text(), "image/svg+xml": shown}
    assert picture._repr_svg_() == shown


def test_a_notebook_that_only_displays_a_picture_never_breaks(no_dot):
    pinned = draw(Value(2.0), engine="dot")
    assert pinned._repr_mimebundle_() == {"text/plain": pinned.text()}
    assert pinned._repr_svg_() is None


def test_svg_is_written_on_any_machine_unless_dot_is_pinned(picture, tmp_path, no_dot):
    path = picture.save(tmp_path / "z.svg")
    assert Path(path).read_text(encoding="utf-8") == picture.svg() == builtin(picture)
    with pytest.raises(RenderError, match=r"\.svg needs Graphviz's `dot`"):
        draw(Value(2.0), engine="dot").svg()


@needs_dot
def test_auto_is_dot_where_it_is_there(picture):
    assert "graphviz" in picture.svg()
    assert picture.svg() == draw_again(picture, "dot").svg() != builtin(picture)


def test_the_built_in_engine_has_no_pixels(tmp_path):
    with pytest.raises(RenderError, match=r"save: \.png must be drawn by .* got engine 'builtin'.*\.svg"):
        draw(Value(2.0), engine="builtin").save(tmp_path / "z.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", [{"engine": "neato"}, {"theme": "solarized"}, {"theme": ""}])
def test_an_unknown_engine_or_theme_is_refused_with_the_known_ones(option):
    (name,) = option
    with pytest.raises(ArgumentError, match=rf"draw: {name} must be one of '\w+', .*, got '\w*'\. Leave"):
        draw(Value(1.0), **option)


@needs_dot
@pytest.mark.parametrize("engine", ["dot", "builtin"])
def test_every_svg_has_a_title_and_the_alt_text(picture, engine):
    svg = ET.fromstring(draw_again(picture, engine).svg())
    assert svg.get("role") == "img"
    assert svg.find(f"{SVG}title").text == "Computation graph of z = −6: 2 leaves and 1 operation"
    assert svg.find(f"{SVG}desc").text == picture.alt_text()


def test_the_alt_text_has_every_value_in_topological_order():
    x, y = leaves(x=3.0, y=-2.0)
    y.role = "parameter"
    z = (x * y + x).named("z")
    assert draw(z).alt_text().splitlines() == [
        "Computation graph of z = −3: 2 leaves and 2 operations.",
        "x: leaf, value 3.",
        "y: parameter, value −2.",
        "v1: × of x, y, 3 × (−2) = −6.",
        "z: + of v1, x, −6 + 3 = −3.",
    ]
    z.backward()
    assert draw(z).alt_text().splitlines()[1] == "x: leaf, value 3, gradient −1 = −2 × 1 + 1 × 1."
    many = draw(ag.sum([Value(1.0) for _ in range(3000)])).alt_text()
    assert "1,000 more" in many
    assert many.endswith("3,001 values: the 2,001 nearest to the root are shown.")


@needs_dot
@pytest.mark.parametrize("engine", ["dot", "builtin"])
def test_a_network_of_a_thousand_values_is_drawn(engine):
    """2-16-16-1 with every product a node of its own."""
    layer = [Value(0.5), Value(-1.0)]
    for width in (16, 16, 1):
        layer = [sum((Value(0.01 * k) * x for k, x in enumerate(layer)), Value(0.1)).tanh() for _ in range(width)]
    layer[0].backward()
    assert len(ag.topological_order(layer[0])) == 980
    assert draw(layer[0], engine=engine, sums=False).svg().count("<title>") > 980


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
    with pytest.raises(ArgumentError, match=r"digits must be an int in 1\.\.17, got 0"):
        draw(Value(1.0), digits=0)
    assert "0.2" in draw(Value(0.1966), digits=1).text()


@pytest.mark.parametrize(
    ("option", "rule"),
    [
        ({"digits": 2.5}, r"digits must be an int in 1\.\.17, got 2\.5"),
        ({"digits": "4"}, r"digits must be an int in 1\.\.17, got '4'"),
        ({"title": None}, "title must be a str, got None"),
        ({"theme": []}, r"theme must be one of 'light', 'dark', 'cs231n', got \[\]"),
        ({"engine": "DOT"}, "engine must be one of 'auto', 'dot', 'pygraphviz', 'builtin', got 'DOT'"),
        ({"open": 3}, "open must be a name or several, got 3 of type int"),
        ({"open": None}, "open must be a name or several, got None of type NoneType"),
        ({"open": [["sigmoid"]]}, r"open must be a name or several, got \['sigmoid'\] of type list"),
        ({"open": b"sigmoid"}, "open must be a name or several, got 115 of type int"),
    ],
)
def test_options_of_a_wrong_type_are_refused_where_they_are_given(option, rule):
    with pytest.raises((ArgumentError, InputTypeError), match=f"^draw: {rule}"):
        draw(Value(1.0), **option)


def test_options_are_taken_as_python_takes_them():
    class Name(str):
        pass

    f = ag.sigmoid(Value(0.5, "x"))
    opened = draw(f, open=(name for name in [Name("sigmoid")]), engine=Name("builtin"), theme=Name("dark"), legend=None)
    assert "exp" in opened.svg()
    assert "exp" in opened.text()


def test_a_title_of_several_lines_is_one_line_in_every_engine():
    picture = draw(Value(1.0), title=" over\ntwo  lines ", engine="builtin")
    assert ">over two lines<" in picture.svg()
    assert ">over two lines<" in picture.dot()


def recurrence(length):
    """A leaf used at every step: to `dot`, one long wire for each."""
    x = y = Value(1.0, "x")
    for _ in range(length):
        y = y * 0.9 + x
    return y


def test_what_would_take_graphviz_minutes_is_drawn_without_unless_it_is_asked_for(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(files, "render", lambda dot, format, engine: asked.append(engine) or b"<svg >")
    assert ranks_passed(draw(recurrence(20))._scene) < LONG < ranks_passed(draw(recurrence(40))._scene) < ENDLESS
    draw(recurrence(20)).svg()
    assert asked == ["auto"]
    endless = draw(recurrence(80))
    assert endless.svg() == builtin(endless)
    with pytest.raises(RenderError, match=r"save: \.png is drawn by Graphviz, .*minutes\. Save as \.svg, or wait"):
        endless.save(tmp_path / "f.png")
    assert asked == ["auto"]
    draw(recurrence(80), engine="dot").save(tmp_path / "f.png")
    assert asked == ["auto", "dot"]


def test_ranks_passed_are_those_between_the_ends_of_wires():
    x, y = leaves(x=2.0, y=3.0)
    assert ranks_passed(draw(x * y)._scene) == 2
    assert ranks_passed(draw((x * y).exp() + x)._scene) == 2 + 1 + 1 + 5


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


def test_threads_may_draw_and_save_at_the_same_time(tmp_path):
    """Graphviz's library aborted the process, and one thread's file in the making was another's."""
    if not files.is_installed("pygraphviz"):
        pytest.skip("needs pygraphviz")
    program = f"""
from threading import Thread
from autograd_lite import draw, leaves
done = []
def job(k):
    for _ in range(4):
        a, b = leaves(a=float(k), b=2.0)
        draw(a * b, engine="pygraphviz").svg()
        draw(a * b, engine="builtin").save({str(tmp_path / "same.svg")!r})
    done.append(k)
threads = [Thread(target=job, args=(k,)) for k in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert len(done) == 8
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@needs_dot
def test_a_picture_by_graphviz_is_as_large_as_ours(picture):
    """Its points would be a third larger than the pixels that the same letters take in ours."""
    by_dot = ET.fromstring(draw_again(picture, "dot").svg().encode())
    wanted = [float(x) for x in by_dot.get("viewBox").split()[2:]]
    assert [float(by_dot.get(side)) for side in ("width", "height")] == pytest.approx(wanted, abs=1.0)


def test_methods_of_other_pictures_are_not_there_and_say_what_to_write():
    picture = draw(Value(2.0) * 3)
    for name in ELSEWHERE:
        assert not hasattr(picture, name)
        with pytest.raises(AttributeError, match=rf"'Drawing' object has no attribute '{name}'\. Write \w+\("):
            getattr(picture, name)
        assert hasattr(picture, re.match(r"Write (\w+)", ELSEWHERE[name])[1])
    with pytest.raises(AttributeError, match=r"no attribute 'svgg'$") as caught:
        picture.svgg  # noqa: B018
    assert caught.value.obj is picture, "for the suggestions of Python's own"
