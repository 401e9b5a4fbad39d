"""The commands as a user meets them: screens, exit codes, streams, encodings, a bare machine."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from autograd_lite import __version__
from autograd_lite.cli import examination, main
from autograd_lite.cli.console import styled


def run(*arguments, cwd, **environment):
    """Run the command in a process of its own; its streams are pipes."""
    env = {name: text for name, text in os.environ.items() if name not in ("NO_COLOR", "PYTHONIOENCODING")}
    env.update({"PYTHONIOENCODING": "utf-8", **environment})
    return subprocess.run(
        [sys.executable, "-m", "autograd_lite", *arguments],
        cwd=cwd,
        env=env,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_without_arguments_the_neuron_and_the_commands(capsys):
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert "f = 1/x                  0.7311         1  ∂f/∂f" in lines
    assert "python -m autograd_lite COMMAND" in lines
    assert {"demo", "draw", "check", "doctor", "--help"} <= {line.split()[0] for line in lines if line.startswith("  ")}


def test_the_demo_fits_two_screens_and_learns(tmp_path):
    done = run("demo", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == b""
    text = done.stdout.decode()
    lines = text.splitlines()
    assert len(lines) <= 32
    assert max(map(len, lines)) <= 80
    first_screen = lines[: next(k for k, line in enumerate(lines) if "picture" in line) + 1]
    assert len(first_screen) <= 24
    assert "8·3 = 24" in text
    assert "= 24.000000" in text
    assert "x0      −1    0.3932  2 × 0.1966" in text
    path = re.search(r"picture: (\S+)", text)[1]
    assert os.path.dirname(path) == "autograd_lite_demo"
    assert (tmp_path / path).stat().st_size > 1000
    assert int(re.search(r"50 held out: (\d+) right", text)[1]) >= 48
    assert len([line for line in lines if line.startswith("  python -m")]) == 3


def test_the_demo_writes_where_it_is_told(capsys, tmp_path):
    folder = tmp_path / "a folder"
    assert main(["demo", "--folder", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "z = (3x − 2)² = y² at x = 2: y = 4, z = 16" in out
    assert f'draw "x*exp(-x*x)" x=0.5 -o \'{folder}' in out
    assert len(list(folder.iterdir())) == 1


def test_the_demo_may_be_run_again_and_its_next_commands_work(tmp_path):
    run("demo", cwd=tmp_path)
    done = run("demo", cwd=tmp_path)
    assert done.returncode == 0
    commands = re.findall(r"python -m autograd_lite (.*)", done.stdout.decode())
    assert len(commands) == 3
    import shlex

    for command in commands:
        again = run(*shlex.split(command), cwd=tmp_path)
        assert (again.returncode, again.stderr) == (0, b""), command
        if command.startswith("train"):
            assert b"right (100 %)" in again.stdout


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_every_command_prints_what_the_terminal_can_take(tmp_path, encoding):
    for arguments in ([], ["doctor"], ["draw", "sigmoid(x)", "x=2"], ["check", "abs(x)", "x=0"], ["--help"]):
        done = run(*arguments, cwd=tmp_path, PYTHONIOENCODING=encoding)
        assert (done.returncode, done.stderr) == (0, b""), arguments
        assert "\\u" not in done.stdout.decode(encoding)


def test_without_dot_the_demo_writes_the_same_files(tmp_path):
    done = run("demo", cwd=tmp_path, PATH=str(tmp_path), PYTHONIOENCODING="cp1252")
    assert done.returncode == 0
    text = done.stdout.decode("cp1252")
    assert "picture: " + os.path.join("autograd_lite_demo", "neuron.svg") in text
    assert "<svg" in (tmp_path / "autograd_lite_demo" / "neuron.svg").read_text(encoding="utf-8")
    assert "-o " + os.path.join("autograd_lite_demo", "f.svg") in text
    assert "0.6347 ->" in text


def test_the_doctor_names_versions_and_what_to_install(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert f"autograd_lite  {__version__}" in out
    assert re.search(r"hypothesis +\d+\.", out)
    assert "works: gradients, pictures as .txt .dot .svg\n" in out
    assert examination.install_command() in out
    assert "All is well" in out


def test_the_doctor_finds_another_nn_and_the_demo_refuses_it(tmp_path):
    (tmp_path / "nn.py").write_text("raise SystemExit('not ours')")
    doctor = run("doctor", cwd=tmp_path)
    assert doctor.returncode == 1
    assert "which is not ours. Rename it" in doctor.stdout.decode()
    demo = run("demo", cwd=tmp_path)
    assert demo.returncode == 1
    assert "which is not ours" in demo.stderr.decode()
    assert b"Traceback" not in demo.stderr


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (None, "there is no `nn`"),
        (SimpleNamespace(origin=None), "a folder without"),
        (SimpleNamespace(origin="/x/nn.py"), "/x/nn.py"),
    ],
)
def test_an_nn_that_is_not_ours_is_named(monkeypatch, capsys, tmp_path, spec, said):
    monkeypatch.setattr(examination.util, "find_spec", lambda name: spec)
    assert said in examination.trouble_with_nn()
    assert main(["train", "xor"]) == 1
    assert main(["demo", "--folder", str(tmp_path)]) == 1
    assert said in capsys.readouterr().err


def test_the_doctor_reports_a_wrong_gradient(capsys, monkeypatch):
    monkeypatch.setattr(examination, "trouble_with_gradients", lambda: "2 + 2 is 5")
    assert main(["doctor"]) == 1
    assert "wrong: 2 + 2 is 5" in capsys.readouterr().out


def test_a_dot_that_does_not_start_is_no_dot(monkeypatch, tmp_path):
    broken = tmp_path / "dot"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    assert examination.dot_version() is None
    assert examination.formats() == [".txt", ".dot", ".svg"]


def test_version_and_help_are_results(capsys):
    assert main(["--version"]) == 0
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert f"autograd_lite {__version__}" in out
    assert all(command in out for command in ("demo", "doctor", "draw", "check"))


@pytest.mark.parametrize("argv", [["nope"], ["--nope"], ["draw"], ["doctor", "extra"]])
def test_a_command_that_is_not_understood_is_exit_code_2(capsys, argv):
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: autograd_lite" in captured.err


def test_ctrl_c_is_one_line_and_exit_code_1(capsys, monkeypatch):
    def interrupted(folder):
        raise KeyboardInterrupt

    monkeypatch.setattr("autograd_lite.cli.demonstration.demo", interrupted)
    assert main(["demo"]) == 1
    assert capsys.readouterr().err == "interrupted\n"


def test_a_reader_that_goes_away_is_no_traceback(tmp_path):
    command = [sys.executable, "-m", "autograd_lite", "draw", "+".join(["x"] * 90), "x=1"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 1


def test_errors_do_not_let_a_file_write_on_the_terminal(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("a\x1b[2J,b\n1,x\n")
    assert main(["train", str(tmp_path / "a.csv"), "--label", "c"]) == 1
    assert "\x1b" not in capsys.readouterr().err


def test_colours_are_for_terminals_that_want_them(monkeypatch):
    assert styled("text", "1") == "text"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert styled("text", "1") == "\x1b[1mtext\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert styled("text", "1") == "text"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert styled("text", "1") == "text"


def test_a_file_in_the_way_of_the_folder_is_an_error(tmp_path, capsys):
    (tmp_path / "there").write_text("")
    assert main(["demo", "--folder", str(tmp_path / "there")]) == 1
    assert "there: File exists" in capsys.readouterr().err


def test_every_exception_lives_in_errors():
    """One file says what can be raised; it imports nothing, so that anyone can catch from it."""
    import autograd_lite.compiler.program
    import autograd_lite.render.files
    import nn  # noqa: F401
    from autograd_lite.errors import AutogradError

    kinds = [AutogradError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    ours = [kind for kind in kinds if kind.__module__.split(".")[0] in ("autograd_lite", "nn")]
    assert {kind.__module__ for kind in ours} == {"autograd_lite.errors"}
    assert autograd_lite.render.files.RenderError in ours


def test_the_doctor_recommends_only_what_something_here_imports():
    root = Path(examination.__file__).parents[2]
    files = [path for top in ("autograd_lite", "nn", "tests") for path in (root / top).rglob("*.py")]
    sources = "".join(path.read_text(encoding="utf-8") for path in files)
    for module, _, purpose in examination.EXTRAS:
        if purpose and module != "jupyterlab":
            assert re.search(rf"(import|from) {module}\b|importorskip\(.{module}", sources), module


@pytest.mark.skipif(os.name != "posix", reason="needs sh")
def test_a_stream_that_the_shell_has_closed_is_no_error(tmp_path):
    for command, status in (('explain "x*x" x=2', 0), ('explain "x*" x=2', 1)):
        line = f"{sys.executable} -m autograd_lite {command} >&-"
        done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == status
        assert "Traceback" not in done.stderr
