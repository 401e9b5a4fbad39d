"""`check_gradients` on functions of other libraries, with their own gradients."""

import math

import pytest

from autograd_lite import GradientMismatch, check_gradients
from autograd_lite.errors import InputTypeError


def test_a_numpy_function_of_one_array_and_of_several():
    np = pytest.importorskip("numpy")
    points = np.array([[0.5, -1.5], [2.0, 0.25]])
    report = check_gradients(lambda a: np.sum(np.sin(a) ** 2), points, gradient=lambda a: np.sin(2 * a))
    assert report.status == "agrees"
    assert [verdict.name for verdict in report.verdicts] == ["a[0][0]", "a[0][1]", "a[1][0]", "a[1][1]"]

    def product(a, b):
        return (a @ b).sum()

    other = np.arange(6.0).reshape(2, 3)
    right = lambda a, b: [np.ones((2, 3)) @ b.T, a.T @ np.ones((2, 3))]  # noqa: E731
    assert check_gradients(product, points, other, gradient=right).status == "agrees"
    with pytest.raises(GradientMismatch) as caught:
        check_gradients(product, points, other, gradient=lambda a, b: [right(a, b)[1], np.zeros(4)])
    assert caught.value.report.fault == "At fault: what gradient returns."


def test_whole_numbers_in_an_array_are_moved_as_floats():
    np = pytest.importorskip("numpy")
    assert check_gradients(lambda a: (a**2).sum(), np.array([1, 2]), gradient=lambda a: 2 * a).status == "agrees"


def test_float32_needs_a_coarser_tolerance_and_says_so():
    np = pytest.importorskip("numpy")
    x = np.array([1.0, 2.0], dtype=np.float32)

    def f(x):
        return np.exp(x).sum()

    report = check_gradients(f, x, gradient=np.exp)
    assert report.status == "inconclusive"
    assert 3 <= report.verdicts[0].digits_of_numeric < 6
    assert check_gradients(f, x, gradient=np.exp, rtol=1e-3).status == "agrees"
    with pytest.raises(GradientMismatch):
        check_gradients(f, x, gradient=lambda x: 1.01 * np.exp(x), rtol=1e-3)
    single = lambda x: np.float32(math.sin(x))  # noqa: E731
    assert check_gradients(single, 1.0, gradient=math.cos).status == "inconclusive"
    assert check_gradients(single, 1.0, gradient=math.cos, rtol=1e-3).status == "agrees"

    for checked in (check_gradients(f, x, gradient=np.exp), check_gradients(single, 1.0, gradient=math.cos)):
        assert "float32 asks for rtol=1e-3" in checked.verdicts[0].reason


def test_a_slope_whose_error_is_as_large_as_the_function_is_none():
    """The longest steps from 1 find 3.4 +- 6.7 for asin, and the slope is 7e7."""
    x = math.nextafter(1.0, 0.0)
    (verdict,) = check_gradients(math.asin, x, gradient=lambda x: 1.0 / math.sqrt((1.0 - x) * (1.0 + x))).verdicts
    assert (verdict.status, verdict.numeric) == ("inconclusive", None)


def test_a_complex_step_takes_the_numbers_of_numpy():
    np = pytest.importorskip("numpy")
    (verdict,) = check_gradients(lambda x: 1e9 + np.exp(x), 1.0, gradient=np.exp).verdicts
    assert (verdict.status, verdict.method) == ("agrees", "complex")


@pytest.mark.full
def test_torch_and_what_its_own_checker_says_at_a_kink():
    """gradcheck rejects relu at 0 and at 1e-7, where its steps of 1e-6 cross the kink."""
    torch = pytest.importorskip("torch")

    def gradient(x):
        x = x.clone().requires_grad_()
        return torch.autograd.grad(torch.relu(x).sum(), x)

    for at, expected in [(0.0, "at a kink"), (1e-7, "agrees"), (-1e-7, "agrees"), (1.0, "agrees")]:
        x = torch.tensor([at, 2.0], dtype=torch.float64)
        report = check_gradients(lambda x: torch.relu(x).sum(), x, gradient=gradient)
        assert [verdict.status for verdict in report.verdicts] == [expected, "agrees"]
        x.requires_grad_()
        if abs(at) < 1e-6:
            with pytest.raises(RuntimeError, match="Jacobian mismatch"):
                torch.autograd.gradcheck(torch.relu, x)
        else:
            assert torch.autograd.gradcheck(torch.relu, x)


@pytest.mark.full
def test_jax_in_both_precisions():
    jax = pytest.importorskip("jax")

    def f(x):
        return (jax.numpy.tanh(x) * x).sum()

    x = [1.0, -2.0]
    assert check_gradients(f, jax.numpy.array(x), gradient=jax.grad(f), rtol=1e-3).status == "agrees"
    assert check_gradients(jax.nn.relu, 0.0, gradient=jax.grad(jax.nn.relu), rtol=1e-3).status == "at a kink"
    assert check_gradients(jax.numpy.abs, 0.0, gradient=jax.grad(jax.numpy.abs), rtol=1e-3).status == "at a kink"
    jax.config.update("jax_enable_x64", True)
    try:
        assert check_gradients(f, jax.numpy.array(x), gradient=jax.grad(f)).status == "agrees"
    finally:
        jax.config.update("jax_enable_x64", False)


def test_a_function_that_takes_no_values_asks_for_its_gradient():
    np = pytest.importorskip("numpy")
    for f, point in ((math.sin, 1.0), (np.sin, 1.0), (lambda v: (v**2).sum(), np.array([1.0, 2.0]))):
        with pytest.raises(InputTypeError) as caught:
            check_gradients(f, point)
        assert any("check_gradients(f, x, gradient=df)" in note for note in caught.value.__notes__)
    for f in (lambda x: len(5), lambda x, y: x):
        with pytest.raises(TypeError) as own:
            check_gradients(f, 1.0)
        assert not hasattr(own.value, "__notes__"), "a mistake in the function is not ours to explain"
