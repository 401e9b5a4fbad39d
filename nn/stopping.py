"""Callbacks that end a training run: functions of (model, history) that return True."""

from __future__ import annotations

from math import inf

from nn.optim import whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nn.history import History
    from nn.module import Module


class EarlyStopping:
    """A callback that ends a run which has not become better for `patience` epochs.

    Args:
        patience: epochs to wait for a lower validation loss (training loss without validation).
        margin: how much lower it must be to count.
        restore: whether the model then gets the parameters of its best epoch back.

    >>> stop = EarlyStopping(patience=10)
    """

    def __init__(self, patience: int = 10, margin: float = 0.0, *, restore: bool = True) -> None:
        self.patience = whole(patience, "EarlyStopping: patience")
        self.margin, self.restore = margin, restore
        self.best, self.epoch = inf, 0
        self._state: dict[str, float] = {}

    def __call__(self, model: Module, history: History) -> bool:
        loss = (history.validation_loss or history.loss)[-1]
        if history.epochs == 1 or loss < self.best - self.margin:
            self.best, self.epoch = loss, history.epochs
            self._state = model.state_dict()
        stop = history.epochs - self.epoch >= self.patience
        if stop and self.restore:
            model.load_state_dict(self._state)
        return stop

    def __repr__(self) -> str:
        """Return what it waits for, and the best epoch so far: EarlyStopping(10, best loss 0.0412 in epoch 37)."""
        best = f", best loss {self.best:.4g} in epoch {self.epoch}" if self.epoch else ""
        return f"EarlyStopping({self.patience}{best})"
