"""Colours: value and gradient differ by more than 45 ΔE for every kind of colour vision."""

from __future__ import annotations

BACKGROUND = "#FFFFFF"
INK = "#1E293B"
WIRE = "#475569"
VALUE = "#0B5CAD"
GRADIENT = "#B4410B"
GATE = "#1E293B"
ON_GATE = "#FFFFFF"
WARNING = "#FDE68A"  # behind nan and inf
LEAVES = {"parameter": "#FEF3C7", "input": "#E0F2FE", "constant": "#F1F5F9", None: "#FFFFFF"}
