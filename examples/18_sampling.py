"""Words, <unk> and <eos>: sampling until a sentence ends, and what a sentence's probability is (Ng, week 1).

    draw y_1 from P(y_1), then y_t from P(y_t | y_1 .. y_{t-1}), and feed it back, until <eos>
    log P(sentence) = sum_t log P(y_t | y_1 .. y_{t-1})          in logarithms: a product soon rounds to zero

Drawn from P^(1/T), a temperature T below 1 keeps to the likely words and one above 1 strays; T = 0 takes the likeliest.
"""

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import Vocabulary
from npseq.training import Epoch, train_epoch

rng = np.random.default_rng(0)
who, foods = ["the cat", "a small dog", "my friend", "the old man"], ["apple", "pear", "bread", "cheese"]
sentences = []
for _ in range(1500):
    first, second = rng.choice(foods, 2, replace=False)
    dish = f"the {first} and {second} salad" if rng.random() < 0.5 else f"an old pair of shoes and a {first}"
    sentences.append(f"{rng.choice(who)} {rng.choice(['liked', 'found', 'bought'])} {dish}")
sentences += ["the zebra liked the quince and medlar salad"]  # words seen once become <unk>
words = " <eos> ".join(sentences).split()
vocab = Vocabulary(words, min_freq=2, reserved_tokens=["<eos>"], token="word")
ids = np.array(vocab[words])
print(f"{len(vocab)} words; zebra is {vocab.to_tokens(vocab['zebra'])}")

model, optimizer = ns.LanguageModel(vocab, "gru", 32, embedding_size=16, rng=0), ns.Adam(0.01)
for epoch in range(6):
    metrics = train_epoch(model, ids, optimizer, Epoch(batch_size=16, steps=20, clip=1), rng=epoch)
print(f"perplexity {metrics.perplexity:.2f} a word")


def score(sentence):
    """log P(sentence <eos>), after the end of another one."""
    return model.log_prob(f"<eos> {sentence} <eos>") - model.log_prob("<eos>")


made = (figure := new_figure(8, 4.5)).subplots()
for temperature in (0.5, 1.0, 2.0):
    texts = [model.generate("<eos>", 40, temperature, rng=seed, stop="<eos>")[6:] for seed in range(150)]
    scores = [score(text) for text in texts]
    print(f"T = {temperature}, mean log P {np.mean(scores):.1f}: {texts[0]!r}")
    made.hist(scores, range(-60, 1, 2), alpha=0.6, label=f"T = {temperature}")
made.set(xlabel="log P of a sampled sentence (nats)", ylabel="sentences of 150")
made.set_title("A low temperature keeps to likely sentences, a high one strays")
made.legend()
save(figure, __file__)
again = [model.generate("<eos>", 40, 1.0, rng=7, stop="<eos>") for _ in range(2)]
assert again[0] == again[1], "one seed must give one sentence"

pear, pair = score("the cat liked the apple and pear salad"), score("the cat liked the apple and pair salad")
print(f"P(the cat liked the apple and pear salad) = {np.exp(pear):.1e}, and pair salad: {np.exp(pair):.1e}")
print(f"log P of 'pear salad' over 'pair salad': got {pear - pair:.2f}, expected 4 to 20")
