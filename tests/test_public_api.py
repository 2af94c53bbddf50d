"""The public API is a contract: every name exists, with the parameters and defaults that the contract gives it.

It is read by a fresh interpreter that has imported npseq and nothing else, as a user's has.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import npseq
from npseq.gradcheck import gradcheck

CONTRACT = """
RNN(input_size, hidden_size, num_layers=1, *, nonlinearity="tanh", bidirectional=False, \
    bias=True, dropout=0.0, dtype=np.float32, rng=None)
GRU(input_size, hidden_size, num_layers=1, *, reset="after", bidirectional=False, \
    bias=True, dropout=0.0, dtype=np.float32, rng=None)
LSTM(input_size, hidden_size, num_layers=1, *, peepholes=False, proj_size=0, bidirectional=False, \
    bias=True, dropout=0.0, dtype=np.float32, rng=None)
Bidirectional(forward, backward)
Recurrent(cell, input_size, hidden_size, *, num_layers=1, bidirectional=False)
Cell()
Cell.forward(self, a, old, new, p, project)
Cell.local_derivatives(self, a, old, new, s)
Cell.backward(self, dnew, a, s, da, p, project)
Cell.vector_gradients(self, da, old, new)
Cell.initial(self, name, shape, rng)
RNN.forward(self, x, state=None, lengths=None, *, training=False, tape=None)
GRU.forward(self, x, state=None, lengths=None, *, training=False, tape=None)
LSTM.forward(self, x, state=None, lengths=None, *, training=False, tape=None)
Bidirectional.forward(self, x, state=None, lengths=None, *, training=False, tape=None)
RNN.backward(self, dy, tape, dstate=None, truncation=None, *, grads=None, workspace=None)
GRU.backward(self, dy, tape, dstate=None, truncation=None, *, grads=None, workspace=None)
LSTM.backward(self, dy, tape, dstate=None, truncation=None, *, grads=None, workspace=None)
Bidirectional.backward(self, dy, tape, dstate=None, truncation=None, *, grads=None, workspace=None)
RNN.to(self, device)
RNN.astype(self, dtype)

gallery.LeakyRNNCell(alpha=0.1)
gallery.MGUCell()

Linear(in_features, out_features)
Linear.forward(self, x)
Linear.backward(self, dy, tape, *, grads=None, workspace=None)
Embedding(num_embeddings, dim, padding_idx=None)
Embedding.forward(self, ids)
Embedding.backward(self, dy, tape, *, grads=None, workspace=None)
Dropout(p)
Dropout.forward(self, x, *, training=False)
Dropout.backward(self, dy, tape, *, grads=None, workspace=None)
softmax_cross_entropy(logits, targets, *, ignore_index=None, weights=None, label_smoothing=0.0, reduction="mean")
binary_cross_entropy(logits, targets)
mean_squared_error(prediction, target)
perplexity(mean_nll)
SGD(lr, *, momentum=0, dampening=0, nesterov=False, weight_decay=0)
RMSprop()
Adam()
AdamW()
Adagrad()
SGD.step(self, params, grads)
RMSprop.step(self, params, grads)
Adam.step(self, params, grads)
AdamW.step(self, params, grads)
Adagrad.step(self, params, grads)
clip_grad_norm(grads, max_norm)
clip_grad_value(grads, limit)

Truncated(steps)
RandomTruncation(keep, rng)
RouletteTruncation(survival, rng)

gradcheck(f, at, gradient=None, method="central", rtol=None, rng=None)
check_vjp(forward, backward, at, *, method="central", rtol=None, rng=None)
gradcheck_layer(layer, x, state=None, lengths=None, *, method="complex", truncation=None, rng=None)
testing.assert_gradients(f, at, gradient)

inspect.ledger(layer, dy, tape)
inspect.truncation_bias(ledger)
inspect.random_truncation_variance(ledger, keep)
inspect.jacobian_spectrum(layer, tape)
inspect.lyapunov_exponents(layer, tape)
inspect.hvp(gradient, at, v)
inspect.jvp(f, at, v)
rtrl(layer, x)
uoro(layer, x, *, rng=None)
scan.affine(A, b, start=None)
scan.backward(layer, dy, tape, dstate=None, *, dc=None)
scan.forward(layer, x, state=None, lengths=None, *, resets=None, iterations=None, jacobian="whole", damping=0.0)

LanguageModel(vocab, cell="lstm", hidden_size=256, num_layers=1, *, rng=None)
LanguageModel.loss(self, ids, targets, state=None)
LanguageModel.step(self, ids, targets, state, optimizer, clip=None)
LanguageModel.generate(self, prefix, length, temperature=0, rng=None)
LanguageModel.log_prob(self, tokens)
LanguageModel.save(self, path)
LanguageModel.load(path)

interop.torch.load(layer, state_dict)
interop.torch.export(layer, values=None)
interop.onnx.load(op_type, inputs, attributes)
interop.onnx.export(model, path)
interop.keras.load()
interop.keras.export()
"""
LINES = {line.split("(")[0]: line for line in CONTRACT.split("\n") if line}
NOT_YET: set[str] = set()
READER = """
import functools, inspect, json, sys
import numpy as np
import npseq
found = {}
for name in sys.argv[1:]:
    try:
        value = functools.reduce(getattr, name.split("."), npseq)
    except AttributeError:
        continue
    if callable(value):
        parameters = inspect.signature(value).parameters.values()
        found[name] = [
            ("*" * (p.kind == p.KEYWORD_ONLY) + p.name, None if p.default is p.empty else repr(p.default))
            for p in parameters
        ]
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module")
def public_api():
    """{name: [(parameter, repr of its default or None)]} of those names of the contract that are there."""
    command = [sys.executable, "-c", READER, *LINES]
    root = Path(npseq.__file__).parents[1]
    return json.loads(subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout)


def promised(line):
    """[(parameter, repr of its default or None)] of a line of the contract."""
    arguments = ast.parse(f"def f({line.split('(', 1)[1]}: ...").body[0].args
    names = [argument.arg for argument in arguments.args] + [f"*{argument.arg}" for argument in arguments.kwonlyargs]
    defaults = [repr(eval(ast.unparse(value), {"np": np})) for value in arguments.defaults + arguments.kw_defaults]
    return list(zip(names, [None] * (len(names) - len(defaults)) + defaults, strict=True))


@pytest.mark.parametrize("name", [name for name in LINES if name not in NOT_YET])
def test_a_name_has_the_parameters_of_the_contract(public_api, name):
    assert name in public_api, f"npseq.{name} is in the contract and not in npseq"
    given, wanted = dict(public_api[name]), promised(LINES[name])
    assert [p for p in given if p in dict(wanted)] == [p for p, _ in wanted]
    assert {p: given[p] for p, default in wanted if default} == {p: default for p, default in wanted if default}


def test_names_listed_as_missing_are_missing(public_api):
    assert LINES.keys() >= NOT_YET
    assert not NOT_YET & public_api.keys(), "these names are there now: take them out of NOT_YET"


def test_every_namespace_works_after_the_one_import_and_lists_its_names():
    code = "import npseq as ns; print([n for n in ns.__all__ if type(getattr(ns, n)) is type(ns)], dir(ns))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    modules, names = out.strip().split("] [")
    assert (
        modules
        == "['data', 'gallery', 'gpu', 'initializers', 'inspect', 'interop', 'layers', 'learn', 'losses', 'models', \
'online', 'optim', 'plot', 'scan', 'testing', 'training'"
    )
    assert f"[{names}" == str(sorted([*npseq.__all__, "__version__"]))


def test_every_exported_name_exists_once():
    assert sorted(npseq.__all__) == sorted(set(npseq.__all__))
    assert all(hasattr(npseq, name) for name in npseq.__all__)


def test_a_report_has_what_the_contract_names():
    x = np.array([1.0, 2.0])
    report = gradcheck(lambda at: (at["x"] ** 2).sum(), {"x": x}, {"x": 2 * x})
    assert report.passed is bool(report) is True
    assert report.max_error < 1e-6
    assert report.worst._fields == ("name", "index", "analytic", "numeric")
    assert "x" in str(report)
