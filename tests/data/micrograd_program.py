# ruff: noqa: N806, B905, UP034 (its author's own words)
# The moons demo of micrograd, without its plots; its data come from the two lines of `moon`.
import math
import random

import numpy as np
from micrograd.engine import Value
from micrograd.nn import MLP, Layer, Neuron  # noqa: F401

np.random.seed(1337)
random.seed(1337)


def moon(k, n, upper):
    angle = math.pi * k / (n - 1)
    wobble = 0.1 * math.sin(37.0 * k)
    return (
        [math.cos(angle) + wobble, math.sin(angle)] if upper else [1 - math.cos(angle), 0.5 - math.sin(angle) + wobble]
    )


n_samples = 40
X = np.array([moon(k // 2, n_samples // 2, k % 2) for k in range(n_samples)])
y = np.array([k % 2 for k in range(n_samples)])
y = y * 2 - 1  # make y be -1 or 1

model = MLP(2, [16, 16, 1])  # 2-layer neural network
first_parameters = [p.data for p in model.parameters()]


def loss(batch_size=None):
    if batch_size is None:
        Xb, yb = X, y
    else:
        ri = np.random.permutation(X.shape[0])[:batch_size]
        Xb, yb = X[ri], y[ri]
    inputs = [list(map(Value, xrow)) for xrow in Xb]

    # forward the model to get scores
    scores = list(map(model, inputs))

    # svm "max-margin" loss
    losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(yb, scores)]
    data_loss = sum(losses) * (1.0 / len(losses))
    # L2 regularization
    alpha = 1e-4
    reg_loss = alpha * sum((p * p for p in model.parameters()))
    total_loss = data_loss + reg_loss

    # also get accuracy
    accuracy = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(yb, scores)]
    return total_loss, sum(accuracy) / len(accuracy)


history, accuracies = [], []
for k in range(8):
    # forward
    total_loss, acc = loss()

    # backward
    model.zero_grad()
    total_loss.backward()

    # update (sgd)
    learning_rate = 1.0 - 0.9 * k / 100
    for p in model.parameters():
        p.data -= learning_rate * p.grad

    history.append(total_loss.data)
    accuracies.append(float(acc))
