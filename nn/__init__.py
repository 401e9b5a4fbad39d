"""nn: multi-layer perceptrons built out of autograd_lite nodes.

>>> from nn import MLP, SGD, data, fit
>>> train, test = data.iris(test=1/3, random_state=0)
>>> model = MLP(4, [3], random_state=0)             # one layer of three neurons: softmax regression
>>> history = fit(model, train.X, train.y, loss="cross_entropy",
...               optimizer=SGD(model.parameters(), lr=0.1), epochs=60, batch_size=16, random_state=0)
>>> model.score(test.X, test.y)
0.98
"""

from nn import data, init
from nn.activations import Activation, ReLU, Sigmoid, Softmax, Tanh
from nn.boundary import plot_decision_boundary, plot_steps
from nn.diagnosis import diagnose
from nn.findings import Diagnosis
from nn.history import History
from nn.layers import Layer, Linear, Neuron
from nn.loss import Loss
from nn.losses import (
    bce,
    bce_logits,
    cross_entropy,
    cross_entropy_probabilities,
    hinge,
    kl_divergence,
    mse,
    one_hot,
    squared_error,
)
from nn.module import Module
from nn.networks import MLP, Sequential
from nn.optim import SGD, Adam, Optimizer, cosine_decay, exponential_decay, linear_decay
from nn.perceptron import Perceptron
from nn.plotting import plot_function, plot_history
from nn.replay import Replay
from nn.saving import load, save
from nn.stopping import EarlyStopping
from nn.training import fit

_ELSEWHERE = {
    **{name: f"Losses are functions here: nn.{loss}(output, target)" for name, loss in {
        "MSELoss": "mse", "CrossEntropyLoss": "cross_entropy", "NLLLoss": "cross_entropy", "BCELoss": "bce",
        "BCEWithLogitsLoss": "bce_logits",
    }.items()},
    **{name: f"Write nn.Activation({function!r})" for name, function in {
        "LeakyReLU": "leaky_relu", "ELU": "elu", "GELU": "gelu", "SiLU": "silu", "Softplus": "softplus",
        "Softsign": "softsign", "LogSigmoid": "logsigmoid", "Identity": "linear",
    }.items()},
    "Parameter": "Every Value of a Module is one: self.w = Value(0.0)",
    "functional": "Functions are in autograd_lite: relu, sigmoid, softmax",
}  # fmt: skip
"""Names in PyTorch's nn, and what to write here."""

TYPE_CHECKING = False
if not TYPE_CHECKING:  # a type checker shall go on saying that there is no such name

    def __getattr__(name: str) -> object:
        """Say what is written here for that name in PyTorch."""
        import sys

        import autograd_lite

        in_engine = f"It is autograd_lite.{name}" if name in autograd_lite.__all__ else ""
        cure = _ELSEWHERE.get(name, in_engine)
        text = f"module 'nn' has no attribute {name!r}" + (f". {cure}" if cure else "")
        raise AttributeError(text, name=name, obj=sys.modules[__name__])


del TYPE_CHECKING

__all__ = [
    "Activation",
    "Adam",
    "Diagnosis",
    "EarlyStopping",
    "History",
    "Layer",
    "Linear",
    "Loss",
    "MLP",
    "Module",
    "Neuron",
    "Optimizer",
    "Perceptron",
    "ReLU",
    "Replay",
    "SGD",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "bce",
    "bce_logits",
    "cosine_decay",
    "cross_entropy",
    "cross_entropy_probabilities",
    "data",
    "diagnose",
    "exponential_decay",
    "fit",
    "hinge",
    "init",
    "kl_divergence",
    "linear_decay",
    "load",
    "mse",
    "one_hot",
    "plot_decision_boundary",
    "plot_function",
    "plot_history",
    "plot_steps",
    "save",
    "squared_error",
]
