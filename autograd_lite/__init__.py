"""autograd_lite: scalar reverse-mode automatic differentiation you can read.

>>> from autograd_lite import Value
>>> x = Value(2.0, label="x")
>>> y = (3 * x - 2) ** 2
>>> y.backward()
>>> x.grad                                   # 2 (3x - 2) * 3 = 8 * 3
24.0
>>> f = lambda x: (3 * x - 2) ** 2           # and the finite-difference nudge agrees:
>>> round((f(2 + 1e-6) - f(2 - 1e-6)) / 2e-6, 6)
24.0

Rows of the table are functions here (`exp`, `relu`, `logsumexp`, ...): give them Values or
plain floats. `sum`, `max`, `min`, `abs`, `pow` and `compile` are here too, as attributes only: a star
import does not hide Python's own.
"""

from autograd_lite import errors, variant
from autograd_lite.budget import ErrorBudget, error_budget
from autograd_lite.checking import GradientReport, check_gradients
from autograd_lite.compiler import compile as compile
from autograd_lite.derivation import Step, steps
from autograd_lite.dual import Dual
from autograd_lite.errors import AutogradError, DomainError, GradientMismatch, StaleGraphError
from autograd_lite.explanation import Explanation, explain
from autograd_lite.formulas import expression
from autograd_lite.functions import bce, bce_logits, cross_entropy, dot, log_softmax, mean, norm, select, softmax
from autograd_lite.graph import topological_order
from autograd_lite.modes import Scope, no_grad, raise_on_nonfinite, scope
from autograd_lite.nonfinite import NonFinite, first_nonfinite
from autograd_lite.primitives import Primitive, custom_gradient, primitive
from autograd_lite.render import draw
from autograd_lite.straightline import to_python

# Attributes, not in __all__: a star import does not hide Python's own.
from autograd_lite.table import abs as abs
from autograd_lite.table import (
    acos,
    acosh,
    add,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cbrt,
    clip,
    cos,
    cosh,
    detach,
    div,
    elu,
    erf,
    erfc,
    exp,
    exp2,
    expm1,
    floor,
    gaussian,
    gelu,
    gelu_tanh,
    greater,
    hypot,
    identity,
    leaky_relu,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logsigmoid,
    logsumexp,
    maximum,
    minimum,
    mul,
    neg,
    normal_cdf,
    prod,
    relu,
    sigmoid,
    sign,
    silu,
    sin,
    sinh,
    softplus,
    softsign,
    sqrt,
    step,
    sub,
    tan,
    tanh,
    where,
)
from autograd_lite.table import max as max
from autograd_lite.table import min as min
from autograd_lite.table import pow as pow
from autograd_lite.table import sum as sum
from autograd_lite.transforms import (
    derivative,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    taylor,
    value_and_grad,
    vjp,
)
from autograd_lite.value import Value, gradients, leaves

__version__ = "0.1.0"
__native__ = variant.NATIVE
__all__ = [
    "AutogradError",
    "DomainError",
    "Dual",
    "ErrorBudget",
    "Explanation",
    "GradientMismatch",
    "GradientReport",
    "NonFinite",
    "Primitive",
    "Scope",
    "StaleGraphError",
    "Step",
    "Value",
    "acos",
    "acosh",
    "add",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bce",
    "bce_logits",
    "cbrt",
    "check_gradients",
    "clip",
    "cos",
    "cosh",
    "cross_entropy",
    "custom_gradient",
    "derivative",
    "detach",
    "div",
    "dot",
    "draw",
    "elu",
    "erf",
    "erfc",
    "error_budget",
    "errors",
    "exp",
    "exp2",
    "expm1",
    "explain",
    "expression",
    "first_nonfinite",
    "floor",
    "gaussian",
    "gelu",
    "gelu_tanh",
    "grad",
    "gradients",
    "greater",
    "hessian",
    "hvp",
    "hypot",
    "identity",
    "jacobian",
    "jvp",
    "leaky_relu",
    "leaves",
    "linearize",
    "log",
    "log10",
    "log1p",
    "log2",
    "log_softmax",
    "logaddexp",
    "logsigmoid",
    "logsumexp",
    "maximum",
    "mean",
    "minimum",
    "mul",
    "neg",
    "no_grad",
    "norm",
    "normal_cdf",
    "primitive",
    "prod",
    "raise_on_nonfinite",
    "relu",
    "scope",
    "select",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "softsign",
    "sqrt",
    "step",
    "steps",
    "sub",
    "tan",
    "tanh",
    "taylor",
    "to_python",
    "topological_order",
    "value_and_grad",
    "vjp",
    "where",
]
