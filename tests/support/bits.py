"""Equality of floats to the last bit: -0.0 is not 0.0, and every nan is the same nan."""

import math
import struct


def bits(x):
    if x is None:
        return None
    assert x.__class__ is float, f"{x!r} is a {type(x).__name__}, not a float"
    return "nan" if math.isnan(x) else struct.pack("<d", x).hex()


def all_bits(xs):
    return [bits(x) for x in xs]
