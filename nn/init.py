"""Where weights come from: schemes, each a function (generator, n_in, n_out) -> float.

One number is drawn per weight, neuron by neuron; biases start at 0. `generator` has the
methods of Python's `random` module, so `random_state` can be a seed, a `random.Random`, or
None for Python's own global generator (`random.seed(1337)` then decides the weights).
"""

from __future__ import annotations

from math import sqrt
from operator import index

from autograd_lite.errors import ArgumentError, InputTypeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random
    from typing import Any, TypeAlias

    Scheme: TypeAlias = Callable[[Random, int, int], float]


def uniform(generator: Random, n_in: int, n_out: int) -> float:
    """Return a number from U(−1, 1), as micrograd does."""
    return generator.uniform(-1, 1)


def normal(generator: Random, n_in: int, n_out: int) -> float:
    """Return a number from N(0, 1)."""
    return generator.gauss(0.0, 1.0)


def xavier(generator: Random, n_in: int, n_out: int) -> float:
    """Return a number from U(−r, r), r = √(6 / (n_in + n_out)) (Glorot & Bengio 2010), for tanh and sigmoid."""
    bound = sqrt(6.0 / (n_in + n_out))
    return generator.uniform(-bound, bound)


def xavier_normal(generator: Random, n_in: int, n_out: int) -> float:
    """Return a number from N(0, 2 / (n_in + n_out)) (Glorot & Bengio 2010)."""
    return generator.gauss(0.0, sqrt(2.0 / (n_in + n_out)))


def he(generator: Random, n_in: int, n_out: int) -> float:
    """Return a number from N(0, 2 / n_in) (He et al. 2015), for relu."""
    return generator.gauss(0.0, sqrt(2.0 / n_in))


def he_uniform(generator: Random, n_in: int, n_out: int) -> float:
    """Return a number from U(−r, r), r = √(6 / n_in) (He et al. 2015)."""
    bound = sqrt(6.0 / n_in)
    return generator.uniform(-bound, bound)


def zeros(generator: Random, n_in: int, n_out: int) -> float:
    """Return 0: right for one neuron, useless for hidden layers, whose neurons would stay equal."""
    return 0.0


SCHEMES: dict[str, Scheme] = {
    "uniform": uniform,
    "normal": normal,
    "xavier": xavier,
    "xavier_normal": xavier_normal,
    "he": he,
    "he_uniform": he_uniform,
    "zeros": zeros,
}
"""The schemes by name."""


def scheme(init: str | Scheme) -> Scheme:
    """Return the scheme of that name; a function of your own is returned as it is."""
    if callable(init):
        return init
    if init not in SCHEMES:
        raise ArgumentError(f"init: must be one of {', '.join(SCHEMES)} or a function, got {init!r}.")
    return SCHEMES[init]


def generator(random_state: Any) -> Random:
    """Return the generator a `random_state` stands for.

    None is Python's global one; an int is a seed and a `random.Random` is itself: private.

    >>> generator(0).random()
    0.8444218515250481
    """
    import random

    if random_state is None or random_state is random:
        return random  # type: ignore[return-value]  # the module has the methods of a generator
    if isinstance(random_state, random.Random):
        return random_state
    try:
        return random.Random(index(random_state))
    except TypeError:
        raise InputTypeError(
            f"random_state: must be None, an int or a random.Random, got {random_state!r} "
            f"of type {type(random_state).__name__}."
        ) from None
