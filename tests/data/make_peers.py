"""Compute what PyTorch says about a list of expressions: the numbers in peers.json.

Run by hand where torch is installed: python tests/data/make_peers.py > tests/data/peers.json
The tests read the file and need no torch.
"""

import json
import sys

import torch
import torch.nn.functional as F

# Expressions in Python, evaluated here with torch's functions and in the tests with ours.
EXPRESSIONS = {
    "x * y + x": (2.0, -3.0), "x / y": (1.7, -0.3), "x ** 3.0": (-1.3,), "x ** y": (1.7, -2.3),
    "2.0 ** x": (0.37,), "(x - y) ** 2.0 * x": (0.3, 1.9), "x ** -1.5": (2.2,), "x ** 0.5 / y": (3.1, 0.7),
    "exp(x * y)": (0.3, -1.2), "expm1(x)": (1e-9,), "log(x) * y": (0.01, 3.0), "log1p(x)": (1e-12,),
    "log2(x)": (5.3,), "log10(x)": (0.2,), "sqrt(x * x + y * y)": (3e-3, 4e-3), "exp2(x)": (-3.3,),
    "sin(x) * cos(y)": (2.1, -0.4), "tan(x)": (1.4,), "asin(x)": (0.999,), "acos(x)": (-0.5,),
    "atan(x / y)": (2.0, -5.0), "atan2(x, y)": (-1.0, -2.0), "sinh(x) - cosh(x)": (0.7,), "tanh(x)": (0.9,),
    "asinh(x)": (-12.5,), "acosh(x)": (1.5,), "atanh(x)": (0.99,), "erf(x)": (0.8,), "erfc(x)": (3.0,),
    "sigmoid(x * y)": (1.5, -2.5), "logsigmoid(x)": (-8.0,), "softplus(x)": (1.3,), "softsign(x)": (-2.5,),
    "relu(x) + relu(y)": (1.5, -2.5), "leaky_relu(x, 0.01)": (-3.0,), "elu(x)": (-0.7,), "gelu(x)": (-0.6,),
    "gelu_tanh(x)": (1.1,), "silu(x)": (-1.2,), "abs(x) * y": (-0.3, 2.0), "hypot(x, y)": (3.0, -4.0),
    "logaddexp(x, y)": (1.0, 3.0), "maximum(x, y) * minimum(x, z)": (1.0, 2.0, 3.0),
    "logsumexp([x, y, z])": (0.1, -1.0, 2.0), "softmax([x, y, z])[1]": (0.1, -1.0, 2.0),
    "log_softmax([x, y, z])[2]": (0.1, -1.0, 2.0), "cross_entropy([x, y, z], 1)": (0.1, -1.0, 2.0),
    "bce(x, 0.3)": (0.8,), "bce_logits(x, 0.3)": (1.7,), "prod([x, y, z])": (0.5, -2.0, 3.0),
    "norm([x, y, z])": (1.0, -2.0, 2.0), "dot([x, y], [y, z])": (0.5, -2.0, 3.0), "mean([x, y, z])": (1.0, 5.0, -2.0),
    "clip(x, -1.0, 1.0) * y": (0.4, 3.0), "tanh(x * y + z) ** 2.0 + exp(-x)": (0.5, -1.5, 0.25),
    "1.0 / (1.0 + exp(-(x * y + z)))": (2.0, -1.0, -3.0), "x / (x * x + y * y) ** 0.5 + y * log(x)": (0.8, 0.6),
}  # fmt: skip

NAMES = {
    "exp": torch.exp, "expm1": torch.expm1, "log": torch.log, "log1p": torch.log1p, "log2": torch.log2,
    "log10": torch.log10, "sqrt": torch.sqrt, "exp2": torch.exp2, "sin": torch.sin, "cos": torch.cos,
    "tan": torch.tan, "asin": torch.asin, "acos": torch.acos, "atan": torch.atan, "atan2": torch.atan2,
    "sinh": torch.sinh, "cosh": torch.cosh, "tanh": torch.tanh, "asinh": torch.asinh, "acosh": torch.acosh,
    "atanh": torch.atanh, "erf": torch.erf, "erfc": torch.erfc, "sigmoid": torch.sigmoid, "logsigmoid": F.logsigmoid,
    "softplus": F.softplus, "softsign": F.softsign, "relu": F.relu, "leaky_relu": F.leaky_relu, "elu": F.elu,
    "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu, "abs": torch.abs,
    "hypot": torch.hypot, "logaddexp": torch.logaddexp, "maximum": torch.maximum, "minimum": torch.minimum,
    "logsumexp": lambda xs: torch.logsumexp(torch.stack(xs), 0), "softmax": lambda xs: F.softmax(torch.stack(xs), 0),
    "log_softmax": lambda xs: F.log_softmax(torch.stack(xs), 0),
    "cross_entropy": lambda xs, t: F.cross_entropy(torch.stack(xs)[None], torch.tensor([t])),
    "bce": lambda p, t: F.binary_cross_entropy(p, torch.tensor(t, dtype=p.dtype)),
    "bce_logits": lambda z, t: F.binary_cross_entropy_with_logits(z, torch.tensor(t, dtype=z.dtype)),
    "prod": lambda xs: torch.prod(torch.stack(xs)), "norm": lambda xs: torch.linalg.norm(torch.stack(xs)),
    "dot": lambda xs, ws: torch.dot(torch.stack(xs), torch.stack(ws)), "mean": lambda xs: torch.mean(torch.stack(xs)),
    "clip": torch.clip,
}  # fmt: skip


def record(expression, point):
    """Value, gradient and Hessian of one expression, in double precision."""
    operands = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in point]
    root = eval(expression, dict(NAMES), dict(zip("xyz", operands, strict=False)))
    firsts = torch.autograd.grad(root, operands, create_graph=True)
    hessian = []
    for first in firsts:
        row = [None] * len(operands)
        if first.requires_grad:
            row = torch.autograd.grad(first, operands, retain_graph=True, allow_unused=True)
        hessian.append([0.0 if second is None else second.item() for second in row])
    gradient = [first.item() for first in firsts]
    return {"expression": expression, "point": point, "value": root.item(), "gradient": gradient, "hessian": hessian}


if __name__ == "__main__":
    header = {
        "source": f"PyTorch {torch.__version__}, float64, CPU, torch.autograd.grad twice",
        "made by": "python tests/data/make_peers.py > tests/data/peers.json",
        "cases": [record(expression, point) for expression, point in EXPRESSIONS.items()],
    }
    json.dump(header, sys.stdout, indent=1)
    print()
