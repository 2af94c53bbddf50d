"""A language model of whole sentences: the first word from nothing, the end by itself (Ng, course 5, week 1).

Ng begins with x_1 = 0 and a_0 = 0, and the sentence ends in <EOS>. So each sentence is a sequence of its own, padded in
its batch, and what the zero input predicts is learnt: how sentences begin. The same network trained on one long text
never reads a zero input, and knows nothing of beginnings. Held-out sentences judge both, one perplexity each.
"""

from itertools import product

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import Vocabulary, sentence_batches, sequential_windows

WHO, FOOD, PLACES = (
    ["我", "你", "他", "王刚", "李明"],
    ["面", "辣子面", "水果", "苹果", "米饭"],
    ["学校", "书店", "家里"],
)
FORMS = ["{}爱吃{}", "{}不吃{}", "{}在{}上班", "{}去{}了", "{}和{}去上班了"]
SECOND = [FOOD, FOOD, PLACES, PLACES, WHO]
language = [form.format(a, b) for form, seconds in zip(FORMS, SECOND, strict=True) for a, b in product(WHO, seconds)]

rng = np.random.default_rng(0)
order = rng.permutation(len(language))
held_out, known = [language[k] for k in order[:20]], [language[k] for k in order[20:]]
vocab = Vocabulary([list(line) for line in known], reserved_tokens=["<eos>"], token="char")
end = vocab["<eos>"]
ids = np.concatenate([vocab.encode(f"{line}<eos>") for line in known])
sentences, lengths = ns.data.pad_sequences([vocab.encode(f"{line}<eos>") for line in held_out])
print(f"{len(language)} sentences, {len(held_out)} of them held out; {len(vocab)} characters")


def perplexities(model):
    """Of each held-out sentence, its end among its characters."""
    return ns.perplexity(-model.log_probs(sentences, lengths) / lengths)


whole, stream = (ns.LanguageModel(vocab, "gru", 48, embedding_size=16, rng=1) for _ in range(2))
curves = {"whole sentences": [], "one long text": []}
first, second = (ns.Adam(ns.optim.Warmup(ns.optim.Cosine(0.01, 900), 50)) for _ in range(2))
for epoch in range(80):
    for batch, counts in sentence_batches(ids, end, 10, epoch):
        whole.step(None, batch, None, first, clip=1, lengths=counts)
    state = None
    for x, y in sequential_windows(ids, 10, 6, epoch):
        _, _, state = stream.step(x, y, state, second, clip=1)
    for model, curve in zip((whole, stream), curves.values(), strict=True):
        curve.append(perplexities(model))

for line, one, other in zip(held_out[:6], curves["whole sentences"][-1], curves["one long text"][-1], strict=False):
    print(f"perplexity {one:5.2f}, of one long text {other:9.2f}: {line}")
drawn = [whole.generate("", 30, 1, rng=seed, stop="<eos>") for seed in range(200)]
print("from nothing:", " ".join(drawn[:8]))
share = np.mean([text in language for text in drawn])
new = sum(text in held_out for text in drawn)
print(f"200 drawn: at most {max(map(len, drawn))} characters, {share:.1%} are of the language, {new} were held out")
found = whole.beam_search("", 5, max_steps=12, alpha=0, stop="<eos>").ranked[:3]
print("likeliest:", ", ".join(f"{vocab.decode(one.tokens)} {np.exp(one.log_prob):.3f}" for one in found))

left, right = (figure := new_figure(9, 4)).subplots(1, 2)
for name, curve in curves.items():
    left.plot(range(1, 81), np.median(curve, axis=1), label=name)
left.set(xlabel="epoch", ylabel="perplexity of a new sentence, median", yscale="log", title="The beginning is learnt")
left.legend()
right.hist(curves["whole sentences"][-1], bins=12)
right.set(xlabel="perplexity", ylabel="held-out sentences", title="By sentence, after 80 epochs")
save(figure, __file__)
print(f"drawn sentences that are of the language: got {share:.3f}, expected at least 0.9")
