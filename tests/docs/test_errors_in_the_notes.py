"""docs/errors_in_the_notes.md: every bold number there is computed here again.

A test's numbers stand, in bold and in order, in the paragraph of the document that names the test.
"""

import ast
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from measured import BOLD, PARAGRAPHS, TEXT, check, filled, relative
from printed import blocks, run, sigmoid, text_of

import npseq as ns
from npseq.data.pairs import tokenize_pairs
from npseq.interop import torch as torch_layout

FILES = ("test_errors_in_the_notes.py", "test_errors_of_words.py")


def rnn_steps():
    """Ng's letters, in columns: a layer of 5 units run for 4 steps; x_t, a_t for t = 1 .. 4, and a_0."""
    rng = np.random.default_rng(0)
    layer = filled(ns.RNN(3, 5, dtype=np.float64), rng)
    x = rng.normal(size=(4, 1, 3))
    y, _, _ = layer.forward(x)
    W_ax, W_aa, b = (layer.params[name].T for name in ("W_xh", "W_hh", "b_h"))
    return layer, [None, *x[:, 0]], [np.zeros(5), *y[:, 0]], W_ax, W_aa, b


def step_backward(layer, x, a, da):
    """The layer's own backward through one step from state a: gradients of a, and of W_xh."""
    _, _, tape = layer.forward(x[None, None], a[None, None])
    _, da_before, grads = layer.backward(None, tape, da[None, None])
    return da_before[0, 0], grads["W_xh"]


def test_the_index_of_x_in_the_step_jacobian():
    layer, x, a, W_ax, W_aa, b = rnn_steps()
    printed, right = [], []
    for t in (2, 3, 4):
        rows = np.array([step_backward(layer, x[t], a[t - 1], unit)[0] for unit in np.eye(5)])
        slope_printed = 1 - np.tanh(W_ax @ x[t - 1] + W_aa @ a[t - 1] + b) ** 2
        printed.append(relative(np.diag(slope_printed) @ W_aa, rows))
        right.append(relative(np.diag(1 - a[t] ** 2) @ W_aa, rows))
    check(*printed, max(right))


def test_a_product_is_no_jacobian():
    layer, x, a, _, W_aa, _ = rnn_steps()
    product = W_aa.T @ (1 - a[2] ** 2)
    upstream = np.random.default_rng(1).normal(size=5)
    found = step_backward(layer, x[2], a[1], upstream)[0]
    rows = np.array([step_backward(layer, x[2], a[1], unit)[0] for unit in np.eye(5)])
    check(rows.size, product.size, relative(product, found), relative(W_aa.T @ ((1 - a[2] ** 2) * upstream), found))


def test_the_row_of_a_weight_gradient():
    layer, x, a, *_ = rnn_steps()
    per_unit = np.array([step_backward(layer, x[2], a[1], unit)[1] for unit in np.eye(5)])
    upstream = np.random.default_rng(1).normal(size=5)
    found = step_backward(layer, x[2], a[1], upstream)[1]
    delta = (1 - a[2] ** 2) * upstream
    check(per_unit.size, np.count_nonzero(per_unit), relative(np.outer(delta, x[2]).T, found))


def test_the_minus_of_perplexity():
    mean_nll, _ = ns.softmax_cross_entropy(np.zeros((10, 28)), np.arange(10))
    check(np.exp(-mean_nll), ns.perplexity(mean_nll))


def test_the_mean_that_perplexity_is():
    P = np.array([1 / 2, 1 / 8])
    check(ns.perplexity(-np.log(P).mean()), 2 / P.sum(), (1 / P).mean(), 2 / np.sum([1, 0]))
    assert ns.perplexity(np.inf) == np.inf


def test_the_bias_of_the_hidden_layer():
    (hidden,), (output,) = ns.RNN(28, 256).params["b_h"].shape, ns.Linear(256, 28).params["b"].shape
    check(hidden, output)


def test_the_first_layers_input_weights():
    params = ns.RNN(28, 256, num_layers=2).params
    check(*params["W_xh"].shape, *params["W_xh_l1"].shape, params["W_xh_l1"].size - params["W_xh"].size)


def test_the_state_of_an_lstm():
    layer = ns.LSTM(28, 256)
    x = np.zeros((35, 32, 28), np.float32)
    _, state, _ = layer.forward(x)
    check(len(state), *state[0].shape)
    assert isinstance(state, tuple)
    with pytest.raises(TypeError, match=r"pair \(h, c\)"):
        layer.forward(x, state[0])


def ng_gru(p, x, h):
    """One step as Ng prints it: the update gate writes, the relevance gate acts before the product; no layer's code."""
    relevance = sigmoid(x @ p["W_xr"] + h @ p["W_hr"] + p["b_r"])
    update = sigmoid(x @ p["W_xz"] + h @ p["W_hz"] + p["b_z"])
    candidate = np.tanh(x @ p["W_xn"] + (relevance * h) @ p["W_hn"] + p["b_n"])
    return (1 - update) * h + update * candidate


def gru_pair():
    """Reset before and after, with the same weights and no inner bias; x, and a state."""
    rng = np.random.default_rng(0)
    before = filled(ns.GRU(3, 4, reset="before", dtype=np.float64), rng)
    after = ns.GRU(3, 4, dtype=np.float64)
    for name in after.params:
        after.params[name] = before.params[name] if name in before.params else np.zeros(4)
    return before, after, rng.normal(size=(1, 2, 3)), rng.normal(size=(1, 2, 4))


def test_the_polarity_of_the_update_gate():
    keep, _, x, h = gru_pair()
    written = ng_gru(keep.params, x[0], h[0])
    difference = relative(keep.forward(x, h)[0][0], written)
    for name in ("W_xz", "W_hz", "b_z"):
        keep.params[name] *= -1
    check(difference, relative(keep.forward(x, h)[0][0], written))


def test_the_side_of_the_reset_gate():
    before, after, x, h = gru_pair()
    outputs, gradients = [], []
    for layer in (before, after):
        y, _, tape = layer.forward(x, h)
        outputs.append(y)
        gradients.append(layer.backward(np.ones_like(y), tape)[2]["W_hn"])
    for layer in (before, after):
        layer.params["W_hn"] = np.diag([1.0, -2, 3, 4])
    diagonal = relative(after.forward(x, h)[0], before.forward(x, h)[0])
    check(relative(outputs[1], outputs[0]), relative(gradients[1], gradients[0]), diagonal)
    with pytest.raises(ValueError, match="reset gate after the product"):
        torch_layout.export(before)


def line(a, b, *shape):
    return np.linspace(a, b, int(np.prod(shape))).reshape(shape)


def test_the_side_of_the_reset_gate_in_a_fixture():
    """Inputs on straight lines, so that anybody can repeat it."""
    N, D, H, T = 2, 5, 4, 3
    x, h = line(-0.4, 0.6, N, T, D).swapaxes(0, 1), line(-0.4, 0.8, N, H)[None]
    W_x, W_h, b = line(-0.2, 0.9, D, 3 * H), line(-0.3, 0.6, H, 3 * H), line(0.2, 0.7, 3 * H)
    first = []
    for reset in ("before", "after"):
        layer = ns.GRU(D, H, reset=reset, dtype=np.float64)
        layer.params.flat[:] = 0
        for k, gate in enumerate("rzn"):
            columns = slice(k * H, (k + 1) * H)
            for name, block in ((f"W_x{gate}", W_x), (f"W_h{gate}", W_h), (f"b_{gate}", b[None])):
                layer.params[name] = block[:, columns].reshape(layer.params[name].shape)
        first.append(layer.forward(x, h)[0][0, 0, 0])
    check(*first)


def test_two_random_truncations():
    """By the closed forms of docs/derivations/truncation.md, which its own test holds against every draw."""
    T = 6
    rng = np.random.default_rng(0)
    layer = filled(ns.RNN(3, 4, dtype=np.float64), rng)
    x, q = rng.normal(size=(T, 2, 3)), rng.normal(size=(T, 2, 4))
    given = {"T": T, "tau": T, "h_0": np.zeros((2, 4)), "x": dict(enumerate(x, 1)), "q": dict(enumerate(q, 1))}
    halves = {"pi": dict.fromkeys(range(1, T + 1), 0.5), "Q": 0.5 ** np.arange(T)}
    names = run(blocks(text_of("docs/derivations/truncation.md")), given | halves | dict(layer.params))
    _, _, tape = layer.forward(x)
    whole = layer.backward(q, tape)[2].flat
    check(whole @ whole, names["variance"], names["roulette_variance"])


def test_a_new_tape_is_a_detach():
    """The second of two chunks, from the state that the first one left: with its gradient dropped, and not."""
    rng = np.random.default_rng(0)
    layer = filled(ns.RNN(3, 4, dtype=np.float64), rng)
    x, dy = rng.normal(size=(8, 2, 3)), rng.normal(size=(4, 2, 4))
    _, carried, first = layer.forward(x[:4])
    _, _, second = layer.forward(x[4:], carried)
    _, dcarried, detached = layer.backward(dy, second)
    through = layer.backward(None, first, dcarried)[2]
    _, _, tape = layer.forward(x)
    whole = layer.backward(np.concatenate([np.zeros_like(dy), dy]), tape)[2]
    check(relative(detached.flat, whole.flat), relative(detached.flat + through.flat, whole.flat))


def test_the_mask_in_the_backward_pass():
    logits, targets = np.ones((3, 4, 10)), np.zeros((3, 4), int)
    mask = ns.data.sequence_mask(np.ones((3, 4)), np.array([4, 2, 0]))
    _, right = ns.softmax_cross_entropy(logits, targets, weights=mask)
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    forgotten = (p - np.eye(10)[targets]) / mask.sum()
    wrong = np.abs(forgotten - right).max(axis=-1) > 1e-12
    check(wrong.sum(), wrong.size, relative(forgotten, right), np.abs(right[mask == 0]).max())


def test_the_random_iterator():
    ids = np.arange(10_000)
    followed, windows = [], []
    for iterator in (ns.data.sequential_windows, ns.data.random_windows):
        batches = [x for x, _ in iterator(ids, 32, 35, 0)]
        followed.append(sum((b[0] == a[-1] + 1).sum() for a, b in itertools.pairwise(batches)))
        windows.append(32 * (len(batches) - 1))
    check(windows[0], *followed)


def test_the_running_perplexity():
    """A cycle of 12 tokens, one epoch of 29 batches."""
    ids = np.arange(1200) % 12
    rng = np.random.default_rng(0)
    model = ns.LanguageModel(12, "rnn", 16, dtype=np.float64)
    for name in sorted(model.params):
        model.params[name] = rng.uniform(-0.25, 0.25, model.params[name].shape)
    optimizer, losses, state = ns.SGD(1), [], None
    for x, y in ns.data.sequential_windows(ids, 4, 10, 0):
        loss, _, state = model.step(x, y, state, optimizer, clip=1)
        losses.append(loss)
    check(len(losses), ns.perplexity(np.mean(losses)), ns.perplexity(model.evaluate(ids)))


def test_the_mean_of_a_masked_loss():
    logits, targets = np.ones((3, 4, 10)), np.zeros((3, 4), int)
    mask = ns.data.sequence_mask(np.ones((3, 4)), np.array([4, 2, 0]))
    single, _ = ns.softmax_cross_entropy(logits, targets, weights=mask, reduction="none")
    valid, _ = ns.softmax_cross_entropy(logits, targets, weights=mask)
    check(*single.mean(axis=1), single.mean(), valid)


def test_the_lines_that_are_kept():
    """The loop of d2l's tokenize_nmt, on a thousand lines, and npseq's."""
    kept, num_examples = [], 600
    for i, line in enumerate(f"line {k}" for k in range(1000)):
        if num_examples and i > num_examples:
            break
        kept.append(line)
    text = "\n".join(f"line {k}\tline {k}" for k in range(1000))
    ours = [len(tokenize_pairs(text, num_examples, keep_one_more=more)[0]) for more in (False, True)]
    check(num_examples, len(kept), *ours)


def test_every_measured_paragraph_names_its_test():
    """And every test of these two files has its paragraph."""
    named = re.findall(r"^\*\*Measured\*\* \(`(\w+)`\)", TEXT, re.MULTILINE)
    code = "".join(Path(__file__).with_name(name).read_text("utf-8") for name in FILES)
    functions = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef)]
    tests = [node.name for node in functions if any(getattr(part, "id", "") == "check" for part in ast.walk(node))]
    assert sorted(named) == sorted(tests)
    assert len(BOLD.findall(TEXT)) == sum(len(BOLD.findall(p)) for p in PARAGRAPHS), "a bold number that nothing checks"
