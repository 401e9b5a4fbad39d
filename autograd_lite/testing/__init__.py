"""Property tests of gradients, with Hypothesis: your own primitives, and functions of any library.

Strategies draw points, expressions and networks; what fails is shrunk to the smallest one and
printed as Python that runs. Needs `pip install autograd_lite[test]`.

>>> from hypothesis import given
>>> from autograd_lite import check_gradients, primitive
>>> from autograd_lite.testing import assert_gradients, expressions
>>> cube = primitive("my_cube", lambda x: x ** 3, lambda y, x: 3.0 * x ** 2)
>>> assert_gradients(cube)                      # both modes, to the second order, at kinks and away
>>> @given(expressions(primitives=[cube, "mul", "sin"]))
... def test_in_graphs(e):
...     check_gradients(e, *e.point)
>>> test_in_graphs()
"""

try:
    import hypothesis as _hypothesis  # noqa: F401
except ImportError:
    raise ImportError("autograd_lite.testing needs Hypothesis. Run pip install 'autograd_lite[test]'.") from None

from autograd_lite.testing.assertions import assert_gradients
from autograd_lite.testing.programs import Expression, Network
from autograd_lite.testing.strategies import expressions, networks, points, reals

__all__ = ["Expression", "Network", "assert_gradients", "expressions", "networks", "points", "reals"]
