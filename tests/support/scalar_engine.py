"""The smallest scalar engine that runs a GPT: independent of the library, for its numbers."""

import math


class Scalar:
    """A number with a closure-free record: its parents and the slopes towards them, fixed when made."""

    def __init__(self, data, parents=(), slopes=()):
        self.data, self.parents, self.slopes, self.grad = float(data), parents, slopes, 0.0

    @staticmethod
    def of(x):
        return x if isinstance(x, Scalar) else Scalar(x)

    def __add__(self, other):
        other = Scalar.of(other)
        return Scalar(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = Scalar.of(other)
        return Scalar(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, n):
        return Scalar(self.data**n, (self,), (n * self.data ** (n - 1),))

    def exp(self):
        return Scalar(math.exp(self.data), (self,), (math.exp(self.data),))

    def log(self):
        return Scalar(math.log(self.data), (self,), (1 / self.data,))

    def relu(self):
        return Scalar(max(self.data, 0.0), (self,), (float(self.data > 0),))

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -Scalar.of(other)

    def __rsub__(self, other):
        return Scalar.of(other) + -self

    def __truediv__(self, other):
        return self * Scalar.of(other) ** -1

    def __rtruediv__(self, other):
        return Scalar.of(other) * self**-1

    __radd__, __rmul__ = __add__, __mul__

    def backward(self):
        waiting, stack = {}, [self]  # how many users each node waits for
        while stack:
            for parent in stack.pop().parents:
                waiting[id(parent)] = waiting.get(id(parent), 0) + 1
                if waiting[id(parent)] == 1:
                    stack.append(parent)
        self.grad, ready = 1.0, [self]
        while ready:
            node = ready.pop()
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                parent.grad += slope * node.grad
                waiting[id(parent)] -= 1
                if not waiting[id(parent)]:
                    ready.append(parent)
