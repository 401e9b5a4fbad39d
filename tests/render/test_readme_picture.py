"""The README's pictures are what the library draws: run this file to write them anew."""

from pathlib import Path

import pytest

from autograd_lite import draw
from autograd_lite.cli.demonstration import neuron

FOLDER = Path(__file__).parents[2] / ".readme"
PICTURES = {"neuron.svg": "light", "neuron-dark.svg": "dark"}


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_in_the_readme_is_drawn_by_the_library(name):
    drawn = draw(neuron(), engine="builtin", theme=PICTURES[name]).svg()
    assert (FOLDER / name).read_text(encoding="utf-8") == drawn, f"run python {Path(__file__).name}"


if __name__ == "__main__":
    for name, theme in PICTURES.items():
        draw(neuron(), engine="builtin", theme=theme).save(FOLDER / name)
