"""The README's pictures are what the library draws: run this file to write them anew."""

from pathlib import Path

import pytest

from autograd_lite import draw, leaves, sigmoid

FOLDER = Path(__file__).parents[2] / ".readme"
PICTURES = {"neuron.svg": "light", "neuron-dark.svg": "dark"}


def picture(theme):
    weights = w0, w1, w2 = leaves(w0=2.0, w1=-3.0, w2=-3.0)
    inputs = x0, x1 = leaves(x0=-1.0, x1=-2.0)
    for leaf in weights:
        leaf.role = "parameter"
    for leaf in inputs:
        leaf.role = "input"
    f = sigmoid(w0 * x0 + w1 * x1 + w2).named("f")
    f.backward()
    title = "A sigmoid neuron, forward and backward"
    return draw(f, title=title, legend=True, open="sigmoid", sums=False, theme=theme, engine="builtin")


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_in_the_readme_is_drawn_by_the_library(name):
    drawn = picture(PICTURES[name]).svg()
    assert (FOLDER / name).read_text(encoding="utf-8") == drawn, f"run python {Path(__file__).name}"


if __name__ == "__main__":
    for name, theme in PICTURES.items():
        picture(theme).save(FOLDER / name)
