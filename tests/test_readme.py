"""Every block of the README is typed into a REPL, in order, and must answer as printed."""

import doctest
import re
from pathlib import Path

from hypothesis import Phase, settings

README = Path(__file__).parents[1] / "README.md"


def test_every_session_of_the_readme_answers_as_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "README.md", str(README), 0)
    assert len(examples.examples) > 40
    failures: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    # Finding the lines that only failing examples run traces every line: 1 s, for nothing printed here.
    lane = settings.get_current_profile_name()
    settings.register_profile("readme", phases=[phase for phase in Phase if phase is not Phase.explain])
    settings.load_profile("readme")
    try:
        runner.run(examples, out=failures.append)
    finally:
        settings.load_profile(lane)
    assert not failures, "".join(failures)


def test_the_readme_has_the_two_commands_that_the_checks_run():
    text = README.read_text(encoding="utf-8")
    for mark in ("set up", "test"):
        assert re.search(rf"<!-- {mark} -->\n```sh\n.+\n```", text)


def test_pictures_and_links_of_the_readme_are_there():
    targets = re.findall(r'(?:src|srcset)="([^"]+)"|\]\(([^)#]+)\)', README.read_text(encoding="utf-8"))
    files = [first or second for first, second in targets if "://" not in first + second]
    assert len(files) >= 4
    assert [file for file in files if not (README.parent / file).is_file()] == []
