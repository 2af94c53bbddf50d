"""A model trained here runs elsewhere: as ONNX in onnxruntime, and from PyTorch's state_dict in a few lines of NumPy.

    PyTorch's GRU    gates r, z, n, two biases, rows           weight_ih (3H, D), weight_hh (3H, H)
    ONNX's GRU       gates z, r, h, rows                       linear_before_reset = 1 for the reset gate after W_hn
    Keras's GRU      gates z, r, h, columns                    reset_after = True

One order taken for another still runs and still gives numbers; so the numbers are compared, over 300 characters whose
state is carried from call to call. Without onnxruntime, `pip install 'npseq[onnx]'`, the NumPy lines are judged alone.
"""

import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import load_corpus
from npseq.training import Epoch, train_epoch

ids, vocab = load_corpus("python-topics", max_tokens=10_000, clean="letters")
model, optimizer = ns.LanguageModel(vocab, "gru", 64, rng=0), ns.Adam(0.01)
for epoch in range(10):
    metrics = train_epoch(model, ids, optimizer, Epoch(batch_size=32, steps=35, clip=1), rng=epoch)
print(f"perplexity after 10 epochs: {metrics.perplexity:.2f}")
text = ids[:300]
expected = model.logits(text[:, None])[0][:, 0]


def from_pytorchs_names():
    """Logits by PyTorch's documented equations, from what its GRU and Linear would be given, in float64."""
    gru = {name: array.astype(float) for name, array in ns.interop.torch.export(model.recurrent).items()}
    linear = {name: array.astype(float) for name, array in ns.interop.torch.export(model.output).items()}
    h, out = np.zeros(64), []
    for token in text:
        xr, xz, xn = np.split(gru["weight_ih_l0"][:, token] + gru["bias_ih_l0"], 3)
        hr, hz, hn = np.split(gru["weight_hh_l0"] @ h + gru["bias_hh_l0"], 3)
        r, z = 1 / (1 + np.exp(-xr - hr)), 1 / (1 + np.exp(-xz - hz))
        h = (1 - z) * np.tanh(xn + r * hn) + z * h
        out.append(linear["weight"] @ h + linear["bias"])
    return np.array(out)


def in_onnxruntime():
    """Logits of the exported file, in three calls; the state comes out of one and goes into the next."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        ns.interop.onnx.export(model, path)
        print(f"model.onnx: {path.stat().st_size:,} bytes")
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    h, out = np.zeros((1, 1, 64), np.float32), []
    for part in np.split(text, 3):
        logits, h = map(np.asarray, session.run(None, {"ids": part[:, None].astype(np.int64), "h": h}))
        out.append(logits[:, 0])
    return np.concatenate(out)


arms = {"PyTorch's names, NumPy in float64": from_pytorchs_names}
if find_spec("onnxruntime"):
    arms["ONNX, onnxruntime in float32"] = in_onnxruntime
else:
    print("onnxruntime is not installed: the ONNX file is not run")
axes, worst = (figure := new_figure(7.5, 4)).subplots(), 0.0
for name, run in arms.items():
    difference = abs(run() - expected).max(axis=1) / abs(expected).max()
    worst = max(worst, difference.max())
    print(f"{name}: {difference.max():.1e}")
    axes.semilogy(np.maximum.accumulate(difference), label=name)
axes.axhline(float(np.finfo(np.float32).eps), color="0.6", linestyle=":", label="float32's own rounding")
axes.set(xlabel="character", ylabel="largest difference so far / largest logit", ylim=(1e-8, 1e-5))
axes.set_title("The same model, run by others: the difference does not grow")
axes.legend()
save(figure, __file__)
print(f"largest difference to the same model run elsewhere: got {worst:.1e}, expected at most 1e-5")
