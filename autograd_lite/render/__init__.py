"""Pictures of graphs: `draw`."""

from autograd_lite.render.drawing import Drawing, draw

__all__ = ["Drawing", "draw"]
