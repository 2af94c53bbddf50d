"""d2l's script of a recurrent network from scratch, line by line, on npseq (d2l, "RNN Implementation from Scratch").

The names are the book's; what is below each name is npseq's, and the loop is the book's own.

python examples/53_the_chapters_script.py           60 epochs on Python's help texts, and the perplexity alone
python examples/53_the_chapters_script.py --book    500 epochs on The Time Machine: the two lines that the book prints
"""

import math
import sys
import time

import numpy as np
from save_figure import new_figure, save

import npseq as ns

BOOK = "--book" in sys.argv[1:]
batch_size, num_steps, num_hiddens, lr = 32, 35, 512, 1
num_epochs = 500 if BOOK else 60
PRINTED = [
    "time travelleryou can show black is white by argument said filby",
    "travelleryou can show black is white by argument said filby",
]


def load_data_time_machine(batch_size, num_steps, rng):
    ids, vocab = ns.data.load_corpus("time-machine" if BOOK else "python-topics", max_tokens=10_000, clean="letters")
    return ns.data.Epochs(lambda draws: ns.data.sequential_windows(ids, batch_size, num_steps, draws), rng), vocab


def get_params(vocab, num_hiddens, rng):  # RNNModelScratch: N(0, 0.01), biases of zero
    return ns.LanguageModel(vocab, "rnn", num_hiddens, initializer="normal", rng=rng)


def predict_ch8(prefix, num_preds, net):
    return net.generate(prefix, num_preds)


def train_epoch_ch8(net, train_iter, updater):
    state, start, loss_sum, tokens = None, time.perf_counter(), 0.0, 0  # begin_state: None is zeros
    for X, Y in train_iter:
        # forward, cross-entropy, backward, grad_clipping(net, 1), updater.step(); no gradient passes to the next batch
        loss, _, state = net.step(X, Y, state, updater, clip=1)
        loss_sum, tokens = loss_sum + float(loss) * Y.size, tokens + Y.size
    return math.exp(loss_sum / tokens), tokens / (time.perf_counter() - start)


def train_ch8(net, train_iter, lr, num_epochs):
    updater, curve = ns.SGD(lr), []
    for epoch in range(num_epochs):
        ppl, speed = train_epoch_ch8(net, train_iter, updater)
        curve.append(ppl)
        if (epoch + 1) % 50 == 0:
            print(f"epoch {epoch + 1}, perplexity {ppl:.3f}: {predict_ch8('time ', 30, net)}")
    print(f"perplexity {ppl:.1f}, {speed:,.0f} tokens/s on the CPU; the book: 1.0, 76,623.6 tokens/s on a GPU")
    return curve


rng = np.random.default_rng(0)
train_iter, vocab = load_data_time_machine(batch_size, num_steps, rng)
net = get_params(vocab, num_hiddens, rng)
curve = train_ch8(net, train_iter, lr, num_epochs)
written = [predict_ch8(prefix, 50, net) for prefix in ("time traveller", "traveller")]
print("\n".join(written))
if BOOK:
    print(f"the two lines of the book, letter for letter: {written == PRINTED}")

axes = (figure := new_figure(7, 4)).subplots()
axes.plot(range(1, num_epochs + 1), curve)
axes.set(xlabel="epoch", ylabel="perplexity while training", ylim=(1, None), yscale="log")
axes.set_title("512 units from scratch" + (": as in the book" if BOOK else ", on Python's help texts"))
axes.grid(True, which="both", alpha=0.25)
save(figure, __file__)
if BOOK:
    assert written == PRINTED, "the network must write what the book prints"
print(f"perplexity of the last epoch: got {curve[-1]:.3f}, expected 1 to {1.2 if BOOK else 12}")
