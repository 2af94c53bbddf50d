"""docs/errors_in_the_notes.md, the rest of it: slips of the notes in words, indices and code, each with its number."""

import ast
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from measured import check, filled, relative
from printed import sigmoid

import npseq as ns

CHAPTER = r"""
train_iter, vocab = d2l.load_data_time_machine(batch_size, num_steps)
def get_params(vocab_size, num_hiddens, device): ...
def init_rnn_state(batch_size, num_hiddens, device): ...
def rnn(inputs, state, params): ...
class RNNModelScratch: ...
def predict_ch8(prefix, num_preds, net, vocab, device): ...
def grad_clipping(net, theta): ...
def train_epoch_ch8(net, train_iter, loss, updater, device, use_random_iter): ...
def train_ch8(net, train_iter, vocab, lr, num_epochs, device, use_random_iter=False): ...
num_epochs, lr = 500, 1
"""  # what 5.1 makes, the bodies left out
LAST = "train_ch8(net, train_iter, vocab, lr, num_epochs, device)"
SENTENCES = """
历史总是人写的。历史是一面镜子。他总是不断努力。这出戏不断重演。总是这样。
力气使出来了。总是有事。虫子在眼前。他的眼力好。故事很长。
"""


def test_a_distribution_is_no_value():
    model = ns.LanguageModel(4, "rnn", 8, dtype=np.float64, rng=0)
    scores = model.logits(np.array([[2]]))[0][0, 0]
    p = np.exp(scores) / np.exp(scores).sum()
    check(p.size, p.sum(), model.generate([2], 1, temperature=1, rng=0).size - 1)


def test_the_first_factor_of_a_markov_chain():
    first, transition = np.array([0.3, 0.7]), np.array([[0.9, 0.1], [0.4, 0.6]])
    paths = [np.array(path) for path in itertools.product(range(2), repeat=3)]
    without = sum(np.prod(transition[path[:-1], path[1:]]) for path in paths)
    check(without, sum(np.exp(ns.models.counting.log_prob(path, first, transition)) for path in paths))


def test_which_sentence_is_right():
    lines = [list(line) for line in SENTENCES.split("。")]
    vocab = ns.data.Vocabulary(lines, token="char")
    model = ns.models.NGramModel(vocab.encode(SENTENCES.replace("\n", "")), vocab, 2, smoothing=1)
    check(*(model.log_prob(text) / np.log(10) for text in ("历史总是不断重演", "力使总事不断虫眼")))


def test_the_index_of_a_sum_of_losses():
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(4, 3)), np.array([0, 2, 1, 2])
    y, log_p = np.eye(3)[targets], logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    right, _ = ns.softmax_cross_entropy(logits, targets, reduction="sum")
    printed = -(y * log_p).sum(axis=0)  # over t, one number a class i
    check(printed.size, *printed, (-y * log_p).sum(), right)
    np.testing.assert_allclose(-(y * log_p).sum(axis=1).sum(), right, rtol=1e-14)


def test_what_the_relevance_gate_relates():
    """The candidate by c before it, with the gate shut and open; by a complex step through the notes' equation."""
    rng = np.random.default_rng(0)
    W, U, x, c = rng.normal(size=(4, 4)), rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=4)
    slopes = []
    for gate in (0, 1):
        jacobian = [np.tanh(W @ (gate * (c + 1e-30j * unit)) + U @ x).imag / 1e-30 for unit in np.eye(4)]
        slopes.append(np.linalg.norm(jacobian))
    check(*slopes)


def peephole_step(p, x, h, c, o_sees_new):
    """One step of an LSTM with peepholes by its equations; the output gate sees c_t, or c_{t-1}."""
    i, f = (sigmoid(x @ p[f"W_x{k}"] + h @ p[f"W_h{k}"] + c * p[f"p_{k}"] + p[f"b_{k}"]) for k in "if")
    new = f * c + i * np.tanh(x @ p["W_xg"] + h @ p["W_hg"] + p["b_g"])
    seen = new if o_sees_new else c
    o = sigmoid(x @ p["W_xo"] + h @ p["W_ho"] + seen * p["p_o"] + p["b_o"])
    return o * np.tanh(new), new


def test_what_the_output_gate_sees():
    rng = np.random.default_rng(0)
    layer = filled(ns.LSTM(3, 4, peepholes=True, dtype=np.float64), rng)
    x, h, c = rng.normal(size=(1, 2, 3)), rng.normal(size=(1, 2, 4)), rng.normal(size=(1, 2, 4))
    y = layer.forward(x, (h, c))[0][0]
    seen = [peephole_step(layer.params, x[0], h[0], c[0], new)[0] for new in (False, True)]
    check(*(relative(found, y) for found in seen))


def test_what_the_next_character_is_predicted_from():
    """Counted in a thousand characters drawn from four: given the one before; given that and the character itself."""
    ids = np.random.default_rng(0).integers(0, 4, 1000)
    honest = ns.models.NGramModel(ids, 4, 2).perplexity(ids)
    pairs = 4 + 4 * ids[:-1] + ids[1:]
    cheat = ns.models.NGramModel(np.ravel([pairs, ids[1:]], order="F"), 20, 2)
    p = [cheat.probability(answer, [pair]) for pair, answer in zip(pairs.tolist(), ids[1:].tolist(), strict=True)]
    check(honest, np.exp(-np.log(p).mean()))


def test_what_a_shut_update_gate_keeps():
    rng = np.random.default_rng(0)
    layer = filled(ns.GRU(3, 4, reset="before", dtype=np.float64), rng)
    x, h = rng.normal(size=(1, 2, 3)), rng.normal(size=(1, 2, 4))
    moved = []
    for bias in (-1000, 1000):
        layer.params["b_z"] = np.full(4, bias)
        moved.append(relative(layer.forward(x, h)[0], h))
    check(*moved)


def test_what_the_next_layer_reads():
    rng = np.random.default_rng(0)
    deep, first, second = (ns.RNN(4, 4, n, dtype=np.float64) for n in (2, 1, 1))
    filled(deep, rng)
    for name in first.params:
        first.params[name], second.params[name] = deep.params[name], deep.params[f"{name}_l1"]
    x = rng.normal(size=(5, 2, 4))
    y, below = deep.forward(x)[0], first.forward(x)[0]
    check(relative(below, y), relative(second.forward(below)[0], y))


def test_two_ways_to_stand_side_by_side():
    rng = np.random.default_rng(0)
    x, h, W_xh, W_hh = (rng.normal(size=shape) for shape in ((32, 28), (32, 256), (28, 256), (256, 256)))
    one = np.hstack([x, h]) @ np.vstack([W_xh, W_hh])
    with pytest.raises(ValueError, match="dimensions"):
        np.hstack([W_xh, W_hh])
    two = x @ W_xh + h @ W_hh
    check(*np.vstack([W_xh, W_hh]).shape, relative(one, two), 32 * (28 + 256) * 256, 32 * 28 * 256 + 32 * 256 * 256)


def test_the_shape_after_unpacking():
    x, lengths = ns.data.pad_sequences([np.ones((3, 2)), np.ones((1, 2))])
    y = ns.RNN(2, 4, dtype=np.float64, rng=0).forward(x, lengths=lengths)[0]
    check(lengths.sum(), *y.shape, y[1:, 1].any())


def test_accuracy_is_no_perplexity():
    def of(p):
        wrong = 1 - p  # of two classes, the other one
        loss, _ = ns.softmax_cross_entropy(np.log([[p, wrong]] * 10), np.zeros(10, int))
        return float(p > wrong), ns.perplexity(loss)

    check(*of(0.4), *of(0.51))
    assert ns.perplexity(-np.log(1e-300)) > 1e299


def test_what_is_warmed_up():
    """In abac abac ... what follows an a depends on what came before. Asked from no state, and from a warm one."""
    ids = np.tile([0, 1, 0, 2], 60)
    model, optimizer, state = ns.LanguageModel(3, "rnn", 8, dtype=np.float64, rng=0), ns.Adam(0.02), None
    for _ in range(150):
        _, _, state = model.step(ids[:20, None], ids[1:21, None], None, optimizer, clip=1)
    before = model.params.flat.copy()
    warm = model.logits(ids[:10, None])[1]
    losses = []
    for state in (None, warm):
        logits, _ = model.logits(ids[10:11, None], state)
        losses.append(ns.softmax_cross_entropy(logits, ids[11:12, None])[0])
    check(*(ns.perplexity(loss) for loss in losses), np.abs(model.params.flat - before).max())


def test_what_forward_computes():
    layer = ns.RNN(3, 4, dtype=np.float64, rng=0)
    y, _, tape = layer.forward(np.ones((35, 2, 3)))
    _, _, grads = layer.backward(np.ones_like(y), tape)
    parts = ns.inspect.ledger(layer, np.ones_like(y), tape).per_step["W_hh"]
    check(len(y), len(grads), len(parts), relative(parts.sum(axis=0), grads["W_hh"]))


def test_the_space_of_the_ball():
    model = ns.LanguageModel(28, "rnn", 256, dtype=np.float64, rng=0)
    ids = np.random.default_rng(0).integers(0, 28, (36, 4))
    _, grads, _ = model.loss(ids[:-1], ids[1:])
    grads.flat[:] *= 100
    before = grads.flat.copy()
    ns.clip_grad_norm(grads, 1)
    norms = np.linalg.norm(before) * np.linalg.norm(grads.flat)
    check(grads.flat.size, np.linalg.norm(grads.flat), abs(1 - before @ grads.flat / norms))


def test_printed_code_that_cannot_run():
    for line in (r"train\_iter, vocab = f()", r"for X, Y in train\_iter: ..."):
        with pytest.raises(SyntaxError):
            compile(line, "the chapter", "exec")
    d2l = SimpleNamespace(load_data_time_machine=lambda batch_size, num_steps: ([], None))
    scope = {"d2l": d2l, "batch_size": 32, "num_steps": 35}
    exec(compile(CHAPTER, "the chapter", "exec"), scope)
    read = [node.id for node in ast.walk(ast.parse(LAST)) if isinstance(node, ast.Name) and node.id != "device"]
    check(len(read), sum(name in scope for name in read))
    with pytest.raises(NameError, match="net"):
        exec(LAST, scope)
