"""Many to one: is a review good? (Ng) The word "not" turns what follows, so counting words is not enough."""

import numpy as np
from save_figure import new_figure, save

from npseq import LSTM, Adam, Bidirectional, Embedding
from npseq.data import Vocabulary, pad_sequences
from npseq.models import Classifier

GOOD, BAD = ["good", "great", "lovely", "fun"], ["bad", "awful", "dull", "sad"]
FILLER = ["the", "film", "was", "and", "a", "very", "really", "it", "story", "music"]


def reviews(count, rng):
    """Sentences of 4 to 14 words with one word of judgement, "not" right before it in half of them."""
    texts, labels = [], rng.integers(0, 2, count)
    for label in labels:
        words = list(rng.choice(FILLER, rng.integers(3, 13)))
        turned = rng.random() < 0.5
        word = rng.choice(GOOD if label != turned else BAD)
        at = rng.integers(0, len(words) + 1)
        texts.append([*words[:at], *(["not"] if turned else []), word, *words[at:]])
    return texts, labels


rng = np.random.default_rng(0)
vocab = Vocabulary([GOOD, BAD, FILLER, ["not"]], reserved_tokens=["<pad>"])
training, test = reviews(1000, rng), reviews(500, rng)
layer = Bidirectional(LSTM(8, 16, rng=1), LSTM(8, 16, rng=2))
model = Classifier(layer, 2, embedding=Embedding(len(vocab), 8, padding_idx=vocab["<pad>"], rng=3), rng=4)
optimizer = Adam(0.01)
ids, lengths = pad_sequences([np.array(vocab[text]) for text in training[0]], vocab["<pad>"])
losses = []
for _ in range(6):
    order = rng.permutation(1000).reshape(-1, 50)
    losses += [model.step(ids[:, b], training[1][b], lengths[b], optimizer=optimizer, clip=1)[0] for b in order]

test_ids, test_lengths = pad_sequences([np.array(vocab[text]) for text in test[0]], vocab["<pad>"])
right = (model.predict(test_ids, test_lengths) == test[1]).mean()
alone = np.mean([any(word in GOOD for word in text) == label for text, label in zip(*test, strict=True)])
print(f"judged by the good and bad words alone: {alone:.2f} right")

words = ["the", "film", "was", "not", "good", "and", "the", "story", "was", "dull"]
prefixes = [np.array(vocab[words[:n]]) for n in range(1, len(words) + 1)]
logits, _ = model.forward(*pad_sequences(prefixes, vocab["<pad>"]))
p = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
figure = new_figure(8, 4.5)
left, axes = figure.subplots(1, 2)
left.plot(losses)
left.set(xlabel="training step", ylabel="cross-entropy (nats)", title="Words alone do not tell: first it only guesses")
left.title.set_fontsize(10)
axes.plot(p, "o-")
axes.axhline(0.5, color="k", linestyle=":")
axes.set_xticks(range(len(words)), words, rotation=60)
axes.set(xlabel="read up to this word", ylabel="probability of a good review", ylim=(-0.04, 1.04))
axes.set_title("'not' makes it expect 'bad';\n'not good' is a bad review")
axes.title.set_fontsize(10)
save(figure, __file__)

print(f"share of new reviews judged right: got {right:.3f}, expected at least 0.97")
