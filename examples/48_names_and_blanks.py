"""Two Chinese sentences that begin alike, and a blank: what only a bidirectional network can know.

他说王刚已经离开学校了, "he said, Wang Gang has left school"; 他说王府内已经没有差事可做了, "he said, in the palace
no work is left" (Ng, course 5, week 1). Is 王 part of a name? The next character tells. 我___饿了, "I am ___ hungry":
非常, very, or 不, not (Dive into Deep Learning, 10.4)? What I then eat tells. Five seeds, with one direction and two.
"""

import numpy as np
from save_figure import new_figure, save

from npseq import GRU, Adam, Embedding
from npseq.data import Vocabulary, pad_sequences
from npseq.models import Tagger

# a name is N, any other word that begins with a surname's character is W
FORMS = ["N和N去上班了", "N已经离开学校了", "N在W里", "W内已经没有差事可做了", "他说N已经走了", "他说W很大",
         "他说N没有来", "W离学校不远", "N说W里没有事", "他说W已经关了", "学校离W很远", "他和N去W了"]  # fmt: skip
SURNAMES, GIVEN, PLACES = "王李张刘", "刚明芳强伟", ["王府", "王宫", "李园", "张村", "刘庄"]
NAMED, PLACE = "他说王刚已经离开学校了", "他说王府内已经没有差事可做了"
FIRST = "王刚和李明去上班了"
# what stands in the blank, how often, and what comes after it
BLANKS = [("非常", 4, "饿了，我可以吃半头猪。"), ("不", 3, "饿了，我什么也不吃。"), ("不", 1, "饿了。"),
          ("高兴", 1, "。"), ("现在", 1, "非常饿。")]  # fmt: skip
SEEDS = range(5)


def sentence(rng):
    """Characters, and 1 where one is part of a name; 王刚 is in none, 王 and 刚 are."""
    while True:
        text, labels = "", []
        for part in rng.choice(FORMS):
            word = str(rng.choice(PLACES)) if part == "W" else part
            word = rng.choice(list(SURNAMES)) + rng.choice(list(GIVEN)) if part == "N" else word
            text, labels = text + word, labels + [[part == "N"]] * len(word)
        if "王刚" not in text:
            return text, np.array(labels, int)


def encoder(num_inputs, directions, seed):
    return GRU(8, 32 // directions, bidirectional=directions == 2, rng=seed), Embedding(num_inputs, 8, rng=seed)


def probability_of_a_name(directions, seed):
    """P(name) at every character, as a function of a text."""
    layer, rows = encoder(len(characters), directions, seed)
    model, optimizer = Tagger(layer, 1, loss="binary", embedding=rows, rng=seed), Adam(0.02)
    for batch in np.random.default_rng(seed).permutation(400).reshape(-1, 40).repeat(6, axis=0):
        ids, lengths = pad_sequences([characters.encode(texts[b]) for b in batch])
        labels, _ = pad_sequences([marked[b] for b in batch])
        model.step(ids, labels, lengths, optimizer=optimizer, clip=1)
    return lambda text: 1 / (1 + np.exp(-model.forward(characters.encode(text)[:, None])[0][:, 0, 0]))


def probability_in_the_blank(directions, seed):
    """P(the right word in the blank) of each sentence."""
    layer, rows = encoder(len(words), directions, seed)
    model, optimizer = Tagger(layer, len(words), embedding=rows, rng=seed), Adam(0.02)
    for _ in range(120):
        model.step(blanks, targets, ends, weights=counts, optimizer=optimizer, clip=1)
    scores = model.forward(blanks, ends)[0][1]
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (p / p.sum(axis=1, keepdims=True))[np.arange(len(BLANKS)), targets[1]]


texts, marked = zip(*(sentence(np.random.default_rng(k)) for k in range(400)), strict=True)
characters = Vocabulary([list(text) for text in (*texts, NAMED, PLACE, FIRST)], token="char")
lines = [["我", "<mask>", *rest] for _, _, rest in BLANKS]
words = Vocabulary([*lines, [word for word, _, _ in BLANKS]], reserved_tokens=["<mask>"])
blanks, ends = pad_sequences([words[line] for line in lines])
targets = np.tile(words[[word for word, _, _ in BLANKS]], (len(blanks), 1))
counts = (np.arange(len(blanks)) == 1)[:, None] * np.array([count for _, count, _ in BLANKS], float)

of_wang, in_blank = {}, {}
for directions in (1, 2):
    taggers = [probability_of_a_name(directions, seed) for seed in SEEDS]
    of_wang[directions] = np.array([[tag(NAMED)[2], tag(PLACE)[2]] for tag in taggers])
    in_blank[directions] = np.array([probability_in_the_blank(directions, seed) for seed in SEEDS])
    print(f"{directions} direction{'s' * (directions > 1)}, five seeds:")
    for name, column in zip(("王刚", "王府"), of_wang[directions].T, strict=True):
        print(f"  P(王 of {name} is part of a name):", *(f"{p:.3f}" for p in column))
    for (word, _, rest), column in zip(BLANKS, in_blank[directions].T, strict=True):
        print(f"  P({word} in 我___{rest}):", *(f"{p:.3f}" for p in column))
    print(f"  {FIRST}: ", *((tag(FIRST) > 0.5) * 1 for tag in taggers))

left, right = (figure := new_figure(10, 4)).subplots(1, 2, width_ratios=(2, 5))
for axes, found in ((left, of_wang), (right, in_blank)):
    for k, directions in enumerate((1, 2)):
        places = np.broadcast_to(np.arange(found[directions].shape[1]) + 0.2 * k - 0.1, found[directions].shape)
        axes.plot(places.ravel(), found[directions].ravel(), "o", label=f"{directions} direction{'s' * k}")
    axes.set_ylim(-0.05, 1.05)
    axes.legend(loc="center")
left.set_xticks([0, 1], ["Wang Gang\nhas left", "in Wang's\npalace"])
left.set(ylabel="P(wang is part of a name)", title="wang gang, wang fu")
meant = ["VERY hungry, I eat\nhalf a pig", "NOT hungry,\nI eat nothing", "NOT hungry.", "GLAD.", "NOW very\nhungry."]
right.set_xticks(range(5), meant)
right.set(ylabel="P(the right word in the blank)", title="I ___ ...: what comes after the blank tells")
save(figure, __file__)
gap = (of_wang[2][:, 0] - of_wang[2][:, 1]).min()
print(f"P(name) of 王刚 less that of 王府, the least of five seeds: got {gap:.3f}, expected at least 0.9")
