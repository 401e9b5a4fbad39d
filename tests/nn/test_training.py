"""fit: what it computes, what it refuses, how it ends."""

from __future__ import annotations

import gc
import io
import math
import random
import sys

import numpy as np
import pytest

import nn
from autograd_lite import Value, log, no_grad
from autograd_lite.errors import ArgumentError, DivisionByZeroError, DomainError, InputTypeError, NonFiniteError
from nn.history import History, Progress

XOR, TARGETS = nn.data.xor()


def classifier(seed=1):
    return nn.MLP(2, [4, 1], "tanh", random_state=seed)


def train(model, **options):
    options = {"loss": "bce_logits", "epochs": 3, **options}
    return nn.fit(model, XOR, TARGETS, **options)


def test_iris_is_learned():
    """Three neurons get at least 95 % of the flowers they have never seen right; 1 of 50 is 2 %."""
    flowers, held_out = nn.data.iris(test=1 / 3, random_state=0)
    model = nn.MLP(4, [3], random_state=0)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    history = nn.fit(
        model, *flowers, loss="cross_entropy", optimizer=optimizer, epochs=60, batch_size=16,
        validation=tuple(held_out), random_state=0,
    )  # fmt: skip
    assert len(held_out.y) == 50
    assert model.score(*held_out) == history.validation_score[-1] >= 0.95
    assert history.loss[-1] < history.loss[0] / 3


def test_a_full_batch_step_is_the_textbook_loop():
    """gradient = mean of the examples' gradients, accumulated over backward calls; then w − η·gradient."""
    fitted, by_hand = classifier(), classifier()
    history = train(fitted, epochs=5, optimizer=nn.SGD(fitted.parameters(), lr=0.3))
    optimizer = nn.SGD(by_hand.parameters(), lr=0.3)
    for epoch in range(5):
        optimizer.zero_grad()
        costs = []
        for a, t in zip(XOR, TARGETS, strict=True):
            cost = nn.bce_logits(by_hand(a), t)
            costs.append(cost.data)
            (cost / len(XOR)).backward()
        optimizer.step()
        assert history.loss[epoch] == math.fsum(costs) / 4
    assert fitted.state_dict() == by_hand.state_dict()


def test_batches_hold_every_example_once_and_the_rest_in_a_smaller_one():
    seen = []
    model = nn.Linear(1, 1, random_state=0)

    def loss(output, target):
        seen.append(target)
        return output * 0.0

    X, y = [[float(k)] for k in range(7)], list(range(7))  # noqa: N806
    steps = nn.SGD(model.parameters(), lr=0.1)
    nn.fit(model, X, y, loss=loss, optimizer=steps, epochs=2, batch_size=3, random_state=0)
    assert steps.steps == 6
    first, second = seen[:7], seen[7:]
    assert sorted(first) == sorted(second) == y
    assert first != second != y


def test_a_mean_is_taken_over_a_smaller_last_batch_too():
    """Batches of 3 and 1: the single example weighs as much in its step as three in theirs."""
    model = nn.Linear(1, 1, bias=False, init="zeros")
    nn.fit(
        model, [[1.0]] * 4, [1.0] * 4, loss="squared_error",
        optimizer=nn.SGD(model.parameters(), lr=0.5), epochs=1, batch_size=3,
    )  # fmt: skip
    assert model.neurons[0].w[0].data == 0.75


def test_the_run_is_decided_by_random_state():
    def run(state):
        model = classifier()
        train(model, batch_size=1, epochs=5, random_state=state)
        return model.state_dict()

    assert run(0) == run(0) == run(random.Random(0)) != run(1)
    random.seed(5)
    one = run(None)
    random.seed(5)
    assert run(None) == one
    random.seed(5)
    untouched = random.random()
    random.seed(5)
    run(0)
    assert random.random() == untouched


def test_history_has_an_entry_per_epoch():
    model = classifier()
    history = train(
        model,
        epochs=4,
        validation=(XOR, TARGETS),
        optimizer=nn.SGD(model.parameters(), lr=nn.linear_decay(0.4, 0.0, 4)),
    )
    columns = (history.loss, history.accuracy, history.validation_loss, history.validation_score, history.seconds)
    assert [len(column) for column in columns] == [4] * 5
    assert history.lr == pytest.approx([0.3, 0.2, 0.1, 0.0])
    assert history.epochs == 4
    assert history.stopped is None
    assert "4 epochs" in repr(history)
    assert "validation loss" in repr(history)


def test_the_loss_of_an_epoch_is_the_validation_loss_of_the_one_before():
    """On the same data in full batches both are the loss at the same parameters."""
    history = train(classifier(), epochs=4, validation=(XOR, TARGETS))
    assert history.loss[1:] == pytest.approx(history.validation_loss[:-1], rel=1e-12)


def test_one_epoch_is_not_epochs():
    assert repr(train(classifier(), epochs=1)).startswith("History(1 epoch, loss ")
    assert repr(train(classifier(), epochs=0)) == "History(0 epochs)"


def test_early_stopping_gives_the_best_parameters_back():
    model = classifier()
    states = []
    losses = iter([3.0, 2.0, 1.0, 1.5, 1.2, 1.1, 0.5])

    def pretend(model, history):
        history.validation_loss[-1] = next(losses)
        states.append(model.state_dict())

    stop = nn.EarlyStopping(patience=3)
    assert repr(stop) == "EarlyStopping(3)"
    history = train(model, epochs=7, validation=(XOR, TARGETS), callbacks=[pretend, stop])
    assert repr(stop) == "EarlyStopping(3, best loss 1 in epoch 3)"
    assert history.epochs == 6
    assert history.stopped == "callback"
    assert model.state_dict() == states[2] != states[5]


def test_a_callback_that_returns_true_ends_the_run_and_the_others_are_called_too():
    called = []
    history = train(
        classifier(), epochs=9, callbacks=[lambda model, history: history.epochs == 2, lambda m, h: called.append(1)]
    )
    assert history.epochs == 2
    assert called == [1, 1]


def test_ctrl_c_keeps_the_history_and_the_model():
    model = classifier()
    before = model.state_dict()

    def interrupt(model, history):
        if history.epochs == 2:
            raise KeyboardInterrupt

    history = train(model, epochs=9, callbacks=[interrupt])
    assert history.epochs == 2
    assert history.stopped == "interrupted"
    assert model.state_dict() != before
    assert not any(p.grad for p in model.parameters())
    assert model.predict(XOR)


def test_a_nan_loss_stops_before_the_step_and_names_the_first_operation():
    model = nn.Linear(1, 1, random_state=0)
    state = {}

    def loss(output, target):
        if target == 2.0:
            state.update(model.state_dict())
            big = (output * 1e200).named("big")
            return big * big - big * big
        return output * output

    with pytest.raises(NonFiniteError) as caught:
        nn.fit(model, [[1.0], [1.0]], [1.0, 2.0], loss=loss, epochs=3, batch_size=1, random_state=1)
    assert model.state_dict() == state
    assert caught.value.primitive == "mul"
    assert "got nan at example 2 (X[1]) in epoch 1. In the forward pass × is the first to give inf" in str(caught.value)
    assert " It is big * big, where big = " in str(caught.value)
    assert isinstance(caught.value.history, History)
    assert not any(p.grad for p in model.parameters())


def test_a_loss_outside_its_domain_stops_before_the_step():
    model = nn.Linear(1, 1, init="zeros")
    with pytest.raises(DomainError, match=r"^fit: example 2 \(X\[1\]\) in epoch 1: log: operand must lie in") as caught:
        nn.fit(model, [[1.0], [1.0]], [1.0, 0.0], loss=lambda y, t: log(y + t), epochs=1)
    assert set(model.state_dict().values()) == {0.0}
    assert caught.value.history.epochs == 0
    with pytest.raises(DivisionByZeroError, match=r"^fit: example 1 \(X\[0\]\) in epoch 1: div: "):
        nn.fit(model, [[1.0]], [1.0], loss=lambda y, t: y / y, epochs=1)


def test_a_gradient_that_is_inf_stops_before_the_step_and_names_the_parameter():
    model = nn.Linear(1, 1, init="zeros")
    with pytest.raises(NonFiniteError, match=r"w\[1\]\[1\]"):
        nn.fit(model, [[1.0]], [1.0], loss=lambda y, t: y**0.5, epochs=1)
    assert set(model.state_dict().values()) == {0.0}


def test_a_gradient_that_explodes_names_the_examples_and_the_operation():
    """The loss of examples 2 and 4 is finite, 1e300, and its derivative by the weight is not."""
    model = nn.Linear(1, 1, init="zeros")
    X, y = [[1.0], [1e200], [1.0], [1e200]], [1.0, 1e150, 1.0, 1e150]  # noqa: N806
    with pytest.raises(NonFiniteError) as caught:
        nn.fit(model, X, y, loss="squared_error", epochs=1)
    said = str(caught.value)
    assert "got -inf at node 'w[1][1]' in epoch 1, from examples 2, 4 (X[1], X[3])." in said
    assert "local gradient 1e200 × upstream gradient −2.5e149 = −inf" in said
    assert caught.value.primitive == "dot"
    assert set(model.state_dict().values()) == {0.0}


def test_gradients_that_are_finite_one_by_one_may_add_up_to_inf():
    model = nn.Linear(1, 1, init="zeros", bias=False)
    with pytest.raises(NonFiniteError, match="summed over the batch: that of each example is finite"):
        nn.fit(model, [[1.2e308], [1.2e308]], [1.0, 1.0], loss=lambda y, t: y * 1.5, epochs=1)
    assert model.state_dict() == {"neurons.0.w.0": 0.0}


def test_a_learning_rate_that_is_too_large_ends_in_words_and_finite_parameters():
    """Squared errors grow by a factor per step until they overflow; then the run so far is there."""
    X, y = [[float(k), 1.0] for k in range(5)], [float(k) for k in range(5)]  # noqa: N806
    model = nn.Linear(2, 1, random_state=0)
    with pytest.raises(NonFiniteError, match=r"the loss must be finite, got inf at example \d \(X\[\d\]\)") as caught:
        nn.fit(model, X, y, loss="squared_error", optimizer=nn.SGD(model.parameters(), lr=10.0), epochs=1000)
    history = caught.value.history
    assert 10 < history.epochs < 1000
    assert all(map(math.isfinite, [*history.loss, *model.state_dict().values()]))
    model = nn.Linear(2, 1, random_state=0)
    before, optimizer = model.state_dict(), nn.SGD(model.parameters(), lr=1e308, momentum=0.9)
    with pytest.raises(NonFiniteError, match=r"^SGD: a step must leave parameters finite, got inf at node 'w"):
        nn.fit(model, X, [10.0] * 5, loss="squared_error", optimizer=optimizer, epochs=1)
    assert model.state_dict() == before
    assert (optimizer.steps, set(optimizer.velocity)) == (0, {0.0})


def test_losses_at_the_end_of_the_floats_have_a_mean():
    """Their sum is inf, each of them and the mean is finite."""
    model = nn.Linear(1, 1, init="zeros", bias=False)
    history = nn.fit(model, [[1e150]] * 3, [1.3e154] * 3, loss="squared_error", epochs=1)
    assert math.isclose(history.loss[0], 0.5 * 1.3e154**2)


@pytest.mark.parametrize("final", [nn.Softmax(), nn.MLP(3, [3], output="softmax", random_state=0)])
def test_softmax_and_a_loss_on_logits_is_refused_with_the_cure(final):
    model = nn.Sequential(nn.Linear(2, 3, random_state=0), final)
    with pytest.raises(ArgumentError, match="Drop the softmax from the model, or use cross_entropy_probabilities"):
        nn.fit(model, XOR, TARGETS, loss=nn.cross_entropy)
    assert nn.fit(model, XOR, TARGETS, loss=nn.cross_entropy_probabilities, epochs=1).epochs == 1


@pytest.mark.parametrize("model", [nn.Perceptron(2), nn.MLP(2, [3, 1], "step", "sigmoid")])
def test_a_step_is_refused_because_its_gradient_is_zero_everywhere(model):
    with pytest.raises(ArgumentError, match="step, whose gradient is 0 everywhere"):
        nn.fit(model, XOR, TARGETS, loss="bce")


def fails(X=XOR, y=TARGETS, model=None, **options):  # noqa: N803
    return lambda: nn.fit(model or classifier(), X, y, **{"loss": "bce_logits", "epochs": 1, **options})


three = nn.MLP(2, [3], random_state=0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (fails([], []), ArgumentError, "at least one example"),
        (fails(np.zeros((0, 2)), []), ArgumentError, "got (0, 2)"),
        (fails([[1.0, 2.0, 3.0]], [1]), ArgumentError, "2 numbers for layer 1, Layer(2, 4, tanh), got 3"),
        (fails(np.zeros((4, 3))), ArgumentError, "(examples, 2)"),
        (fails([[1.0, 2.0], [math.nan, 1.0]], [0, 1]), ArgumentError, "row 1, column 0 of X must be finite"),
        (fails(np.array([[1.0, 2.0], [1.0, np.inf]]), [0, 1]), ArgumentError, "row 1, column 1 of X must be finite"),
        (fails([[1.0, "2"]], [1]), InputTypeError, "row 0 of X: a number is needed, got '2'"),
        (fails([[1.0, Value(2.0)]], [1]), InputTypeError, "v.data"),
        (fails(np.array([["a", "b"]]), [1]), InputTypeError, "array of numbers"),
        (fails(5, [1]), InputTypeError, "list of examples"),
        (fails(XOR, [0, 1]), ArgumentError, "got 2 for 4 rows"),
        (fails(XOR, [0, 1, 2, 0]), ArgumentError, "row 2 of y"),
        (fails(XOR, [0, 1, math.nan, 0]), ArgumentError, "row 2 of y: must be finite"),
        (fails(XOR, [0, 1, 1, 3], three, loss="cross_entropy"), ArgumentError, "y: the class must lie in 0..2"),
        (fails(XOR, [0, -1, 1, 0], three, loss="cross_entropy"), ArgumentError, "got -1"),
        (fails(XOR, [0, 0.5, 1, 0], three, loss="cross_entropy"), InputTypeError, "class index"),
        (fails(XOR, [0, 1, 2, 0], three, loss="squared_error"), ArgumentError, "one_hot"),
        (fails(XOR, TARGETS, loss="hinge"), ArgumentError, "2 * t - 1"),
        (fails(XOR, ["a", "b", "c", "a"]), ArgumentError, "3 classes (a, b, c) need 3 outputs"),
        (fails(XOR, ["a", "b", 1, "a"]), InputTypeError, "all names or all numbers"),
        (fails(XOR, ["a", "b", "a", "a"], validation=(XOR, ["a", "b", "d", "a"])), ArgumentError, "a, b, got 'd'"),
        (fails(validation=([[math.nan, 0.0]], [1])), ArgumentError, "fit: validation: row 0, column 0"),
        (fails(validation=0.2), InputTypeError, "validation must be a pair (X, y), got float"),
        (fails(y=5), InputTypeError, "one target per example, got 5"),
        (fails(X=[1.0, 2.0]), InputTypeError, "Write [x] for one"),
        (fails(loss="cross_entropi"), ArgumentError, "cross_entropy"),
        (fails(loss=3), InputTypeError, "function"),
        (fails(loss=lambda y, t: 1.0), InputTypeError, "must be a Value"),
        (fails(lr=0.1), InputTypeError, "is called lr, got one. Write optimizer=SGD(model.parameters(), lr=0.1)."),
        (fails(verbose=1), InputTypeError, "fit: no argument is called verbose, got one. Write progress=True"),
        (fails(epoch=3), InputTypeError, "fit: no argument is called epoch, got one. help(fit) has the list of them."),
        (fails(batch_size=0), ArgumentError, "batch_size must be at least 1"),
        (fails(batch_size=2.5), InputTypeError, "batch_size must be an int"),
        (fails(epochs=-1), ArgumentError, "epochs must not be negative"),
        (fails(epochs=1.0), InputTypeError, "epochs must be an int"),
        (fails(optimizer=nn.SGD(three.parameters(), lr=0.1)), ArgumentError, "parameters of this model"),
        (fails(optimizer="adam"), InputTypeError, "Write Adam(model.parameters(), lr=0.01)"),
        (fails(optimizer=nn.SGD), InputTypeError, "got the class SGD. Write SGD(model.parameters(), lr=0.1)"),
        (fails(optimizer=0.1), InputTypeError, "optimizer must be an Optimizer, got 0.1 of type float"),
        (fails(callbacks=3), InputTypeError, "callbacks must be functions of (model, history), got 3"),
        (fails(callbacks=[3]), InputTypeError, "callbacks must be functions of (model, history), got 3"),
        (fails(callbacks=nn.EarlyStopping), InputTypeError, "got the class EarlyStopping. Write EarlyStopping(...)"),
        (fails(callbacks=[nn.Replay]), InputTypeError, "got the class Replay. Write Replay(...)"),
        (fails(model=XOR), InputTypeError, "Write fit(model, X, y, loss=...)"),
        (fails(X="abcd"), InputTypeError, "X must be a list of examples, each a list of numbers, got 'abcd'"),
        (fails(X=[{0.0, 1.0}] * 4), InputTypeError, "each a list of numbers, got [{0.0, 1.0}, "),
        (fails(X=nn.data.xor()), InputTypeError, "X must be a list of examples, got a Dataset. Write dataset.X"),
        (fails(X=np.zeros(2)), ArgumentError, "got (2,). Write [x] for one"),
        (fails(model="m"), InputTypeError, "fit: model must be a Module, got 'm' of type str"),
        (fails(model=nn.MLP), InputTypeError, "fit: model must be a Module, got the class MLP. Write MLP(...)"),
        (fails(loss="cross_entropy"), ArgumentError, "one output per class, at least two, are needed, got 1"),
        (fails(y="abcd"), InputTypeError, "one target per example, got 'abcd'"),
        (fails(y=[[0, 1], 1, 1, 0]), ArgumentError, "row 0 of y: 1 number expected"),
        (lambda: nn.EarlyStopping(patience=0), ArgumentError, "patience"),
        (lambda: nn.EarlyStopping(patience="a"), InputTypeError, "EarlyStopping: patience must be an int, got 'a'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(call, error, words):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


def test_training_without_recording_is_refused():
    """It would run, and learn nothing without a word."""
    with no_grad(), pytest.raises(ArgumentError, match=r"Leave no_grad\(\)"):
        train(classifier())


def test_a_call_that_is_refused_changes_nothing():
    model = classifier()
    before = model.state_dict()
    with pytest.raises(ArgumentError):
        train(model, validation=([[math.nan, 0.0]], [1]))
    assert (model.loss, model.classes, model.state_dict()) == (None, None, before)


def test_accuracy_is_counted_where_targets_are_classes():
    """Not for shares of classes, several classes at once, numbers, or a loss of one's own."""
    one_hot = [nn.one_hot(k % 3, 3) for k in range(4)]
    shares = [[0.5, 0.25, 0.25]] * 4
    sigmoids = nn.MLP(2, [3], output="sigmoid", random_state=0)
    assert nn.fit(three, XOR, one_hot, loss="cross_entropy", epochs=1).accuracy
    assert nn.fit(sigmoids, XOR, one_hot, loss="squared_error", epochs=1).accuracy
    assert not nn.fit(three, XOR, shares, loss="cross_entropy", epochs=1).accuracy
    assert not nn.fit(sigmoids, XOR, [[1.0, 1.0, 0.0]] * 4, loss="bce", epochs=1).accuracy
    assert not nn.fit(three, XOR, one_hot, loss="squared_error", epochs=1).accuracy
    assert not nn.fit(three, XOR, [0, 1, 2, 0], loss=lambda y, t: y[t], epochs=1).accuracy


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_one_line_on_a_terminal_and_silent_elsewhere(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    train(classifier(), epochs=2)
    lines = terminal.getvalue().split("\r")
    assert terminal.getvalue().endswith("\n")
    assert terminal.getvalue().count("\n") == 1
    assert lines[-1].startswith("epoch 2/2  loss 0.")
    monkeypatch.setattr(sys, "stderr", pipe := io.StringIO())
    train(classifier(), epochs=2)
    assert pipe.getvalue() == ""
    train(classifier(), epochs=2, progress=True)
    assert "epoch 2/2" in pipe.getvalue()


def test_one_callback_needs_no_list():
    assert train(classifier(), epochs=9, callbacks=lambda model, history: history.epochs == 2).epochs == 2


def test_progress_never_wraps_whatever_becomes_of_the_window(monkeypatch):
    """Also when it is made narrower on the way: each line is cut to what there is then."""
    widths = iter([60, 60, 20, 20])
    monkeypatch.setattr("nn.history._columns", lambda stream: next(widths))
    line = Progress(1, True, stream := Terminal())
    history = History()
    history.loss.append(0.1234)
    history.validation_loss.append(0.1234)
    history.accuracy.append(0.5)
    line.update(history)
    line.update(history)
    line.update(history)
    line.close(history)
    _, *written = stream.getvalue().rstrip("\n").split("\r")
    assert [len(text) for text in written] == [60, 60, 20, 20]


def test_without_a_standard_error_there_is_no_progress(monkeypatch):
    """As under pythonw."""
    monkeypatch.setattr(sys, "stderr", None)
    assert train(classifier(), epochs=1).epochs == 1
    assert train(classifier(), epochs=1, progress=True).epochs == 1


def test_a_shorter_line_covers_a_longer_one():
    line = Progress(1, True, stream := Terminal())
    history = History()
    history.loss.append(0.1234)
    line.update(history)
    history.loss[-1] = 1.0
    line.update(history)
    _, long, short = stream.getvalue().split("\r")
    assert len(short.rstrip()) < len(long) == len(short)


def test_training_leaves_no_reference_cycles():
    """With the cyclic collector off, nothing is left for it to find."""
    model = classifier()
    optimizer = nn.Adam(model.parameters())
    train(model, optimizer=optimizer, epochs=1, validation=(XOR, TARGETS))
    gc.collect()
    gc.disable()
    try:
        train(model, optimizer=optimizer, epochs=50, validation=(XOR, TARGETS))
        assert gc.collect() == 0
    finally:
        gc.enable()
