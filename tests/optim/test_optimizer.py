"""The optimizers equal PyTorch's and loops over single numbers that are written from the papers."""

import math

import numpy as np
import pytest
from optim.cases import EVERY_CASE, SHAPES, as_parameters, draw, run

import npseq as ns
from npseq.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from npseq.optim.optimizer import average
from npseq.parameters import Parameters, simple_layout


@EVERY_CASE
def test_six_steps_are_pytorchs(kind, options):
    torch = pytest.importorskip("torch")
    params, theirs = draw(0), {name: torch.tensor(array, requires_grad=True) for name, array in draw(0).items()}
    judge = getattr(torch.optim, kind.__name__)(theirs.values(), **options)
    optimizer = kind(**options)
    for seed in range(6):
        grads = {name: 2.0 ** (1 - seed) * array for name, array in draw(100 + seed).items()}
        optimizer.step(params, grads)
        for name, tensor in theirs.items():
            tensor.grad = torch.tensor(grads[name])
        judge.step()
        for name, tensor in theirs.items():
            np.testing.assert_allclose(params[name], tensor.detach().numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", [SGD, RMSprop, Adam, AdamW, Adagrad])
def test_defaults_are_pytorchs(kind):
    torch = pytest.importorskip("torch")
    given = {"lr": 0.1} if kind is SGD else {}
    theirs = getattr(torch.optim, kind.__name__)([torch.zeros(1)], **given).defaults
    ours = vars(kind(**given))
    for name in set(ours) - {"steps", "state", "_scratch"}:
        assert ours[name] == theirs[name], name


def scalar_rule(kind, o, p, grads, lr):
    """Numbers, one parameter, written from the papers' formulas: the parameter after each of the gradients."""
    b = v = m = u = 0.0
    s = o.get("initial_accumulator_value", 0.0)
    for t, g in enumerate(grads, start=1):
        decay = o.get("weight_decay", 0.01 if kind is AdamW else 0)
        if kind is AdamW:
            p = p - lr * decay * p
        else:
            g = g + decay * p
        if kind is SGD:
            mu = o.get("momentum", 0)
            b = g if t == 1 else mu * b + (1 - o.get("dampening", 0)) * g
            p = p - lr * (g + mu * b if o.get("nesterov") else b if mu else g)
        elif kind is RMSprop:
            a = o.get("alpha", 0.99)
            v, m = a * v + (1 - a) * g**2, a * m + (1 - a) * g
            u = o.get("momentum", 0) * u + g / (math.sqrt(v - m**2 if o.get("centered") else v) + o.get("eps", 1e-8))
            p = p - lr * u
        elif kind is Adagrad:
            s = s + g**2
            p = p - lr / (1 + (t - 1) * o.get("lr_decay", 0)) * g / (math.sqrt(s) + o.get("eps", 1e-10))
        else:
            b1, b2 = o.get("betas", (0.9, 0.999))
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
            u = max(u, v) if o.get("amsgrad") else v
            p = p - lr * (m / (1 - b1**t)) / (math.sqrt(u / (1 - b2**t)) + o.get("eps", 1e-8))
    return p


@EVERY_CASE
def test_six_steps_are_the_scalar_rule(kind, options):
    optimizer = kind(**options)
    params = run(optimizer, draw(0))
    for name, start in draw(0).items():
        for place in np.ndindex(start.shape):
            grads = [float(2.0 ** (1 - seed) * draw(100 + seed)[name][place]) for seed in range(6)]
            expected = scalar_rule(kind, options, float(start[place]), grads, optimizer.lr)
            assert params[name][place] == pytest.approx(expected, rel=1e-12, abs=1e-14)


@EVERY_CASE
def test_flat_and_named_steps_agree(kind, options):
    named, flat = run(kind(**options), draw(0)), run(optimizer := kind(**options), as_parameters(draw(0)))
    assert all(key.endswith("/") for key in optimizer.state)
    for name, array in named.items():
        np.testing.assert_array_equal(flat[name], array)


def test_a_flat_vector_of_other_order_is_not_taken_for_the_same():
    params, grads = as_parameters(draw(0)), as_parameters(dict(reversed(draw(1).items())))
    SGD(1).step(params, grads)
    for name in SHAPES:
        np.testing.assert_array_equal(params[name], draw(0)[name] - draw(1)[name])


@EVERY_CASE
@pytest.mark.parametrize("flat", [False, True])
def test_an_optimizer_continues_from_a_state_dict(kind, options, flat):
    start = as_parameters if flat else dict
    whole = run(kind(**options), start(draw(0)))
    first = kind(**options)
    params = run(first, start(draw(0)), range(3))
    saved = first.state_dict()
    run(first, start(draw(0)), range(2))  # what was saved is a copy
    second = kind(**{**options, "lr": 123.0})
    second.load_state_dict({key: np.asarray(value) for key, value in saved.items()})
    run(second, params, range(3, 6))
    for name in SHAPES:
        np.testing.assert_array_equal(params[name], whole[name])


@EVERY_CASE
@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_dtypes_stay_and_gradients_are_left_alone(kind, options, dtype):
    params, grads, optimizer = draw(0, dtype), draw(1, dtype), kind(**options)
    views = dict(params)
    for _ in range(2):
        optimizer.step(params, grads)
    assert {array.dtype for array in [*params.values(), *optimizer.state.values()]} == {np.dtype(dtype)}
    for name, array in draw(1, dtype).items():
        np.testing.assert_array_equal(grads[name], array)
        assert params[name] is views[name]


@EVERY_CASE
def test_the_derivative_of_two_steps_is_that_of_a_complex_step(kind, options):
    def after(bump):
        params = {"w": np.array([0.7 + bump, -0.3])}
        optimizer = kind(**options)
        for _ in range(2):
            optimizer.step(params, {"w": params["w"] ** 3 - 1})
        return params["w"][0]

    assert after(1e-30j).imag / 1e-30 == pytest.approx((after(1e-6) - after(-1e-6)) / 2e-6, rel=1e-6)


def test_lr_is_writable():
    params, optimizer = {"w": np.zeros(2)}, SGD(0.5)
    optimizer.step(params, {"w": np.ones(2)})
    optimizer.lr = np.float64(0.25)
    optimizer.step(params, {"w": np.ones(2)})
    np.testing.assert_array_equal(params["w"], [-0.75, -0.75])
    optimizer.lr = math.nan
    with pytest.raises(ValueError, match=r"lr must lie in \[0, inf\), got nan"):
        optimizer.step(params, {"w": np.ones(2)})


def test_strided_views_are_written_in_place():
    block = np.zeros((4, 6))
    params = {"a": block[:, :3].T, "b": block[:, 3:]}
    Adam(0.1).step(params, {"a": np.ones((3, 4)), "b": -np.ones((4, 3))})
    np.testing.assert_allclose(block, np.repeat([[-0.1] * 3 + [0.1] * 3], 4, axis=0), rtol=1e-7)


@pytest.mark.parametrize("kind", [SGD, RMSprop, Adam, AdamW, Adagrad])
def test_a_learning_rate_or_weight_decay_that_makes_no_sense_is_refused(kind):
    with pytest.raises(ValueError, match=r"lr must lie in \[0, inf\), got -1"):
        kind(-1)
    with pytest.raises(ValueError, match=r"lr must lie in \[0, inf\), got inf"):
        kind(math.inf)
    with pytest.raises(ValueError, match="weight_decay must lie in"):
        kind(1, weight_decay=-1)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda grads: grads.pop("b_h"), r"names of params: missing \['b_h'\], unknown \[\]"),
        (lambda grads: grads.update(x=np.ones(1)), r"missing \[\], unknown \['x'\]"),
        (lambda grads: grads.update(b_h=np.ones(5)), r"grads\['b_h'\] must be as its .* \(4,\)\), got .* \(5,\)"),
        (lambda grads: grads.update(b_h=np.ones(4, "f4")), "as its parameter, .*'float64'.*, got .*'float32'"),
    ],
)
def test_gradients_that_do_not_fit_change_nothing(change, text):
    params, grads, optimizer = draw(0), draw(1), Adam()
    change(grads)
    with pytest.raises(ValueError, match=text):
        optimizer.step(params, grads)
    assert optimizer.steps == 0
    for name, array in draw(0).items():
        np.testing.assert_array_equal(params[name], array)


def test_state_that_does_not_fit_is_refused():
    optimizer = Adam()
    optimizer.step(draw(0), draw(1))
    with pytest.raises(ValueError, match="those of the steps before: the state 'mean/' is missing"):
        optimizer.step(as_parameters(draw(0)), as_parameters(draw(1)))
    with pytest.raises(ValueError, match=r"the state 'mean/W_hh' is .*'float64'.* should be .*'float32'.*; make one"):
        optimizer.step(draw(0, np.float32), draw(1, np.float32))
    with pytest.raises(ValueError, match=r"arrays of the kinds \['momentum'\] of SGD"):
        SGD(1, momentum=0.9).load_state_dict(optimizer.state_dict())
    with pytest.raises(ValueError, match="state must hold 'steps', 'lr'"):
        optimizer.load_state_dict({"lr": 0.1})
    assert optimizer.steps == 1


@EVERY_CASE
def test_a_long_vector_is_updated_piece_by_piece_as_a_whole(kind, options, monkeypatch):
    rng = np.random.default_rng(5)
    start, gradients = rng.normal(size=23), rng.normal(size=(3, 23))
    found = []
    for piece in (5, 100):
        monkeypatch.setattr("npseq.optim.optimizer.PIECE", piece)
        layout = simple_layout({"w": (23,)})
        params, optimizer = Parameters(layout, start.copy()), kind(**options)
        for gradient in gradients:
            optimizer.step(params, Parameters(layout, gradient.copy()))
        found.append(params.flat)
    np.testing.assert_array_equal(*found)


def test_average_mixes_the_mean_with_the_value_in_place():
    mean, scratch = np.array([1.0, 2.0]), np.array([5.0, -2.0])
    average(np, mean, scratch, 0.75, scratch)
    np.testing.assert_array_equal(mean, [2.0, 1.0])


def test_an_optimizer_without_an_update_cannot_step():
    with pytest.raises(NotImplementedError):
        Optimizer(0.1).step({"w": np.zeros(1)}, {"w": np.ones(1)})


KEEP_SQUARES = [ns.RMSprop, ns.Adam, ns.AdamW, ns.Adagrad]


@pytest.mark.parametrize("kind", KEEP_SQUARES)
@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e20), (np.float32, 3e38), (np.float64, 1e160)])
def test_a_gradient_whose_square_overflows_is_refused_before_anything_is_written(kind, dtype, size):
    """Else v would be inf for good, and every later step 0. The remedies are followed."""
    params, grads, optimizer = {"w": np.ones(2, dtype)}, {"w": np.array([1, -size], dtype)}, kind(0.1)
    with pytest.raises(ValueError, match=r"grads\['w'\] must have entries whose squares .* can hold, below .*clip"):
        optimizer.step(params, grads)
    assert (params["w"].tolist(), optimizer.steps, optimizer.state) == ([1, 1], 0, {})
    ns.clip_grad_norm(grads, 1.0)
    optimizer.step(params, grads)
    assert np.isfinite(params["w"]).all()
    wide = {"w": np.ones(2)}
    kind(0.1).step(wide, {"w": np.array([1, -min(size, 1e100)])})
    assert np.isfinite(wide["w"]).all()


def test_adagrads_sum_is_refused_before_it_overflows():
    params, optimizer = {"w": np.ones(1, np.float32)}, ns.Adagrad(0.1)
    for _ in range(3):
        optimizer.step(params, {"w": np.full(1, 1e19, np.float32)})
    with pytest.raises(ValueError, match=r"below 6\.35e"):  # sqrt(3.4028e38 - 3e38)
        optimizer.step(params, {"w": np.full(1, 1e19, np.float32)})
    assert optimizer.steps == 3


@pytest.mark.parametrize("kind", KEEP_SQUARES)
@pytest.mark.parametrize("eps", [0.0, 1e-30])
@pytest.mark.parametrize("size", [0.0, 1e-30, 1e-45])
def test_where_squares_vanish_no_step_is_taken(kind, eps, size):
    """0 / 0, or a gradient over nothing, without an eps to speak of."""
    params = {"w": np.ones(2, np.float32)}
    kind(0.1, eps=eps, weight_decay=0).step(params, {"w": np.array([size, 1], np.float32)})
    assert params["w"][0] == 1
    assert params["w"][1] < 1


@pytest.mark.parametrize("kind", [ns.SGD, *KEEP_SQUARES])
def test_half_types_are_refused(kind):
    half = np.ones(2, np.float16)
    with pytest.raises(
        TypeError, match=r"params\['w'\] must have 32 bits or more, got float16.*.astype\(numpy.float32\)"
    ):
        kind(0.1).step({"w": half}, {"w": half})


@pytest.mark.parametrize("kind", [ns.SGD, *KEEP_SQUARES])
def test_a_rate_of_zero_leaves_the_parameters_alone(kind):
    params = {"w": np.array([1.0, 2.0])}
    with np.errstate(invalid="ignore"):
        kind(0.0).step(params, {"w": np.array([np.inf, 1.0])})
    assert params["w"].tolist() == [1, 2]
