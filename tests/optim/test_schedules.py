"""Learning rates as functions of the step, beside PyTorch's schedulers, and in an optimizer."""

import numpy as np
import pytest

from npseq.optim import SGD, Adam, Cosine, Exponential, Warmup


def pytorchs(make, steps):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    scheduler, rates = make(torch.optim.lr_scheduler, optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Exponential(0.5, 0.7), lambda kinds, one: kinds.ExponentialLR(one, 0.7)),
        (Exponential(0.5, 0.1, every=3), lambda kinds, one: kinds.StepLR(one, 3, 0.1)),
        (Cosine(0.5, 12, 0.1), lambda kinds, one: kinds.CosineAnnealingLR(one, 12, 0.1)),
        (Warmup(0.5, 4), lambda kinds, one: kinds.LinearLR(one, 1 / 4, 1.0, 3)),
    ],
)
def test_rates_are_pytorchs(ours, theirs):
    np.testing.assert_allclose([ours(step) for step in range(1, 12)], pytorchs(theirs, 11), rtol=1e-12)


def test_what_comes_after_and_beside():
    assert [Cosine(1.0, 4, 0.2)(step) for step in (5, 6, 100)] == pytest.approx([0.2, 0.2, 0.2])
    assert Exponential(1.0, 0.5, least=0.3)(9) == 0.3
    warm = Warmup(Exponential(0.8, 0.5), 2)
    assert [warm(step) for step in range(1, 6)] == pytest.approx([0.4, 0.8, 0.8, 0.4, 0.2])


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_an_optimizer_takes_the_rate_of_each_step_and_continues_after_its_state(kind):
    rates = Warmup(lambda step: 0.1 / step, 3)
    optimizer, by_hand, continued = kind(lr=rates), kind(lr=1.0), kind(lr=rates)
    params, expected = ({"w": np.array([1.0, -2.0])} for _ in "12")
    for step in range(1, 8):
        if step == 4:
            assert optimizer.state_dict()["lr"] == rates(4)
            continued.load_state_dict(optimizer.state_dict())
            optimizer = continued
        by_hand.lr = rates(step)
        optimizer.step(params, {"w": params["w"] ** 3})
        by_hand.step(expected, {"w": expected["w"] ** 3})
        np.testing.assert_array_equal(params["w"], expected["w"])
    assert repr(kind(lr=Cosine(1.0, 4))).startswith(f"{kind.__name__}(lr=Cosine(lr=1.0, steps=4, last=0.0)")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Warmup(0.1, 0), ValueError, "steps must be a positive integer, got 0"),
        (lambda: Warmup(-0.1, 3), ValueError, r"lr must lie in \[0, inf\), got -0.1"),
        (lambda: Cosine(0.1, 3, -1), ValueError, r"last must lie in \[0, inf\), got -1"),
        (lambda: Exponential(0.1, 0.5, every=1.5), ValueError, "every must be a positive integer, got 1.5"),
        (lambda: SGD(lambda step: None).step({"w": np.ones(1)}, {"w": np.ones(1)}), TypeError, "lr must be a number"),
        (lambda: SGD(lambda step: -step).state_dict(), ValueError, r"lr must lie in \[0, inf\), got -1"),
    ],
)
def test_what_cannot_be_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
