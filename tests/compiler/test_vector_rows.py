"""The rows that are written out for vectors, against 50 digits: within a few units in the last place."""

from __future__ import annotations

import math
import random

import pytest
from support.oracle import mp

import autograd_lite as ag
from autograd_lite.primitives import ROWS

np = pytest.importorskip("numpy")

R = random.Random(0)
WIDE = [R.uniform(-30, 30) for _ in range(60)] + [R.gauss(0, 1e-3) for _ in range(30)]
ANGLES = [R.uniform(-10, 10) for _ in range(60)] + [R.uniform(-1e5, 1e5) for _ in range(60)] + [1e7, -3e9, 1e22]
ANGLES += [k * math.pi / 2 for k in range(-20, 20)]
POSITIVE = [math.exp(R.uniform(-700, 700)) for _ in range(60)] + [1.0 + R.gauss(0, 1e-3) for _ in range(60)] + [5e-324]
CASES = {
    "exp": (mp.exp, WIDE, 1.0), "expm1": (mp.expm1, WIDE, 2.5), "tanh": (mp.tanh, WIDE, 3.0),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), WIDE, 2.5), "log": (mp.log, POSITIVE, 1.0),
    "log1p": (mp.log1p, [x - 0.999 for x in POSITIVE if x < 1e9] + WIDE[60:], 2.0),
    "sin": (mp.sin, ANGLES, 1.0), "cos": (mp.cos, ANGLES, 1.0),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_vector_row_is_accurate(name):
    function, points, most = CASES[name]
    found = ag.compile(lambda x: ROWS[name](x), batch=points, gradient=False, engine="native")()
    with mp.workdps(50):
        for x, y in zip(points, found.tolist(), strict=True):
            exact = function(mp.mpf(x))
            assert abs(mp.mpf(y) - exact) <= most * math.ulp(float(exact)), (x, y, exact)
