"""Every entry of a model's gradients against a complex step."""

from __future__ import annotations

from npseq.testing import assert_gradients


def check(model, loss, gradients, **inputs):
    """loss(model, **inputs) -> scalar, gradients(model, **inputs) -> {name: array} of all params and inputs."""

    def rebuilt(values):
        twin = model.astype(next(iter(values.values())).dtype)
        for name in model.params:
            twin.params[name] = values[name]
        return twin, {name: values[name] for name in inputs}

    def f(values):
        twin, given = rebuilt(values)
        return loss(twin, **given)

    at = {**{name: value.copy() for name, value in model.params.items()}, **inputs}
    assert_gradients(f, at, dict(gradients(model, **inputs)), method="complex")


def check_loss(model, *batch, **options):
    """Every parameter of model.loss(*batch, **options)."""
    check(model, lambda twin: value(twin, *batch, **options), lambda twin: twin.loss(*batch, **options)[1])


def value(twin, *batch, **options):
    """The loss alone; the backward pass is left out, which is not asked for here and takes most of the time."""
    twin.backward = lambda dlogits, tape: (None, None)
    return twin.loss(*batch, **options)[0]
