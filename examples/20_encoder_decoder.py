"""Encoder and decoder: shapes, and a gradient that runs through both halves (d2l 10.6).

The encoder's last state is the context c. It enters every decoder step, so its gradient is the sum over those steps;
from there, and through the decoder's first state, it goes back through the encoder.
"""

import numpy as np
from save_figure import new_figure, save

from npseq.models import Seq2Seq, masked_softmax_cross_entropy

source, target = np.zeros((7, 4), int), np.zeros((7, 4), int)
model = Seq2Seq(10, 10, "gru", embedding_size=8, hidden_size=16, num_layers=2, dtype=np.float64, rng=0)
encoded, _ = model.encoder.forward(source)
state, _ = model.init_state(encoded)
logits, _, _ = model.decoder.forward(target, encoded.context, state)
print("encoder outputs", encoded.outputs.shape, " state", encoded.state.shape, " decoder logits", logits.shape)

# one entry of every parameter against a complex step, through both halves
rng = np.random.default_rng(0)
source, target = rng.integers(0, 10, (7, 4)), rng.integers(0, 10, (9, 4))
lengths = np.array([7, 3, 5, 0]), np.array([9, 4, 6, 2])
loss, grads = model.loss(source, target, *lengths)
worst = 0.0
for name, gradient in grads.items():
    largest = np.unravel_index(abs(gradient).argmax(), gradient.shape)
    twin = model.astype(np.complex128)
    twin.params[name][largest] += 1e-20j
    numeric = twin.loss(source, target, *lengths)[0].imag / 1e-20
    worst = max(worst, abs(numeric - gradient[largest]) / abs(gradient[largest]))

# how much of the gradient arrives at each source word: of the loss of one target word at a time
arrives = np.zeros((9, 7))
inputs = np.concatenate([np.full((1, 4), model.begin), target[:-1]])
logits, tape = model.forward(source, inputs)
_, dlogits = masked_softmax_cross_entropy(logits, target, np.full(4, 9))
for t in range(9):
    alone = np.zeros_like(dlogits)
    alone[t] = dlogits[t]
    dcontext, dstate, _ = model.decoder.backward(alone, tape.decoder)
    dstate[-1] += dcontext
    dx = model.encoder.recurrent.backward(None, tape.encoder.recurrent, dstate)[0]
    arrives[t] = np.sqrt((dx**2).sum(axis=(1, 2)))

figure = new_figure(7.5, 4.5)
axes = figure.subplots()
image = axes.imshow(np.log10(arrives), origin="lower", extent=(0.5, 7.5, 0.5, 9.5), aspect="auto")
axes.set(xlabel="source step s", ylabel="target step t whose loss it is")
axes.set_title("The context is a bottleneck: early words get little gradient")
figure.colorbar(image, ax=axes, label="log10 of the gradient's norm at the embedding of s")
save(figure, __file__)

print(f"largest relative error against a complex step: got {worst:.1e}, expected at most 1e-12")
