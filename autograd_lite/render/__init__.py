"""Pictures of graphs: `draw`."""

from autograd_lite.render.drawing import Drawing, draw
from autograd_lite.render.files import RenderError

__all__ = ["Drawing", "RenderError", "draw"]
