"""Colours: value and gradient differ by more than 45 ΔE for every kind of colour vision."""

from __future__ import annotations

from autograd_lite.errors import ArgumentError


class Theme:
    """The colours of a picture; `leaves` has those of pills, by role, `frames` those of frames in frames, in turn."""

    __slots__ = (
        "background", "border", "frames", "gate", "gradient", "ink", "leaves", "name", "on_gate", "value", "warning",
        "wire",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        *,
        background: str,
        ink: str,
        wire: str,
        value: str,
        gradient: str,
        gate: str,
        on_gate: str,
        warning: str,
        leaves: tuple[str, str, str, str],
        frames: tuple[str, str],
        border: str,
    ) -> None:
        self.name = name
        self.background = background
        self.ink = ink
        self.wire = wire
        self.value = value
        self.gradient = gradient
        self.gate = gate
        self.on_gate = on_gate
        self.warning = warning  # behind nan and inf
        self.leaves = dict(zip(("parameter", "input", "constant", None), leaves, strict=True))
        self.frames = frames
        self.border = border  # of a frame


def _light(name: str, value: str, gradient: str) -> Theme:
    return Theme(
        name,
        background="#FFFFFF",
        ink="#1E293B",
        wire="#475569",
        value=value,
        gradient=gradient,
        gate="#1E293B",
        on_gate="#FFFFFF",
        warning="#FDE68A",
        leaves=("#FEF3C7", "#E0F2FE", "#F1F5F9", "#FFFFFF"),
        frames=("#F1F5F9", "#E2E8F0"),
        border="#CBD5E1",
    )


LIGHT = _light("light", "#0B5CAD", "#B4410B")
CS231N = _light("cs231n", "#006B00", "#B00000")  # green and red: hard to tell apart for one man in twelve
DARK = Theme(
    "dark",
    background="#0F172A",
    ink="#E2E8F0",
    wire="#94A3B8",
    value="#7CC4FF",
    gradient="#FFAB70",
    gate="#E2E8F0",
    on_gate="#0F172A",
    warning="#5B3A08",
    leaves=("#4A3B0A", "#0B3B5C", "#1E293B", "#0F172A"),
    frames=("#18233B", "#223049"),
    border="#3B4B66",
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK, CS231N)}


def theme_of(name: str) -> Theme:
    """Return the theme of this name.

    >>> theme_of("dark").value
    '#7CC4FF'
    """
    if not isinstance(name, str) or name not in THEMES:
        raise ArgumentError(
            f"draw: theme must be one of {', '.join(map(repr, THEMES))}, got {name!r:.40}. Leave it out for 'light'."
        )
    return THEMES[name]
