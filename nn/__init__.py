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

TYPE_CHECKING = False
if not TYPE_CHECKING:  # a type checker shall go on saying that there is no such name

    def __getattr__(name: str) -> object:
        """Say what the loss of that name in PyTorch is called here."""
        import sys

        losses = {"MSELoss": mse, "CrossEntropyLoss": cross_entropy, "BCELoss": bce, "BCEWithLogitsLoss": bce_logits}
        cure = f". Losses are functions here: nn.{losses[name].name}(output, target)" if name in losses else ""
        raise AttributeError(f"module 'nn' has no attribute {name!r}{cure}", name=name, obj=sys.modules[__name__])


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
