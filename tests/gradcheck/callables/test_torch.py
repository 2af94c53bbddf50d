"""PyTorch's functions, modules, autograd functions and closures over parameters."""

import numpy as np
import pytest

import npseq as ns

torch = pytest.importorskip("torch")


def double(*shape):
    return torch.tensor(np.random.default_rng(0).normal(size=shape))


class Square(torch.autograd.Function):
    factor = 2

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return Square.factor * x * dy


@pytest.mark.parametrize("method", ["central", "complex", "directional"])
def test_a_function_of_tensors(method):
    assert ns.gradcheck(lambda x, W: torch.tanh(x @ W).sum(), (double(3), double(3, 2)), method=method).passed


@pytest.mark.parametrize("factor", [2, 3])
def test_an_autograd_function_and_its_apply(monkeypatch, factor):
    monkeypatch.setattr(Square, "factor", factor)
    for f in (Square, Square.apply):
        assert ns.gradcheck(f, double(4)).passed == (factor == 2)


def test_a_module_with_its_parameters():
    report = ns.gradcheck(torch.nn.LSTM(2, 3).double(), double(4, 2, 2))
    assert report.passed
    names = ["input", "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    assert [row.name for row in report.tensors] == names


def test_a_module_that_reads_ids_or_several_inputs():
    report = ns.gradcheck(torch.nn.Embedding(4, 2).double(), torch.tensor([0, 2, 2]))
    assert [row.name for row in report.tensors] == ["weight"]
    assert report.passed
    report = ns.gradcheck(torch.nn.Bilinear(2, 3, 1).double(), (double(2, 2), double(2, 3)))
    assert report.passed
    assert len(report.tensors) == 4


class Wrong(torch.nn.Module):
    """A path that autograd does not see."""

    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(double(3))

    def forward(self, x):
        return self.w * x * x.detach()


def test_a_path_that_was_cut_is_found():
    report = ns.gradcheck(Wrong(), double(3))
    assert [(row.name, row.status) for row in report.tensors] == [("x", "fail"), ("w", "pass")]


@pytest.mark.parametrize("parameters", [lambda m: m.parameters(), lambda m: dict(m.named_parameters())])
def test_a_closure_over_parameters(parameters):
    model, x = torch.nn.Linear(2, 1).double(), double(5, 2)
    before = [one.detach().clone() for one in model.parameters()]
    assert ns.gradcheck(lambda: (model(x) ** 2).mean(), parameters(model)).passed
    assert not ns.gradcheck(lambda: (model(x).detach() * model(x)).mean(), parameters(model)).passed
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_a_gradient_of_ones_own():
    x = double(3)
    assert ns.gradcheck(lambda x: torch.sin(x).sum(), x, torch.cos).passed
    assert ns.gradcheck(lambda x: torch.sin(x).sum(), x, torch.cos(x)).passed
    with pytest.raises(
        ValueError, match="f must return a scalar where a gradient is given; check a pair with check_vjp"
    ):
        ns.gradcheck(torch.sin, x, torch.cos)


@pytest.mark.parametrize(("f", "at"), [(torch.nn.Linear(2, 1), double(3, 2)), (torch.sin, double(3).float())])
def test_float32_is_refused_with_a_remedy_that_works(f, at):
    with pytest.raises(TypeError, match=r"must be float64, .* got float32; use .double\(\) of it, of a module too"):
        ns.gradcheck(f, at)
    assert ns.gradcheck(f.double() if isinstance(f, torch.nn.Module) else f, at.double()).passed
