"""Every block of the README is typed into a REPL, in order, and must answer as printed."""

import doctest
import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_every_session_of_the_readme_answers_as_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "README.md", str(README), 0)
    assert len(examples.examples) > 40
    failures: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    runner.run(examples, out=failures.append)
    assert not failures, "".join(failures)


def test_the_readme_has_the_two_commands_that_the_checks_run():
    text = README.read_text(encoding="utf-8")
    for mark in ("set up", "test"):
        assert re.search(rf"<!-- {mark} -->\n```sh\n.+\n```", text)
