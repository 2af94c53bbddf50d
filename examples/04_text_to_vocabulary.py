"""From a text to numbers: lines, tokens, a vocabulary, ids (d2l, "Text Preprocessing").

Every run of other characters than letters becomes a space, letters become small. A vocabulary gives id 0 to <unk>, any
token it does not know, and the others their ids by falling frequency.
"""

import os

import numpy as np
from save_figure import new_figure, save

from npseq.data import load_corpus

BOOK = bool(os.environ.get("NPSEQ_DATA"))
corpus = "time-machine" if BOOK else "python-topics"
if not BOOK:
    print("NPSEQ_DATA is not set: the text is the topics of Python's own help, not The Time Machine")

ids, letters = load_corpus(corpus, "char", clean="letters")
word_ids, words = load_corpus(corpus, "word", clean="letters")
print(f"{len(ids):,} characters, {len(letters)} in the vocabulary: {''.join(letters.to_tokens(list(range(1, 28))))!r}")
print(f"{len(word_ids):,} words, {len(words):,} in the vocabulary")
print("the first ids:", {token: words[token] for token in words.to_tokens(list(range(10)))})

text = words.decode(word_ids[:7])
print("a line:", text, "->", word_ids[:7].tolist())
assert words.decode(words.encode(text)) == text
print("a word that is not in the text:", words["backpropagation"], "->", words.to_tokens(words["backpropagation"]))

counts = dict(words.token_freqs)
kept = [sum(count >= least for count in counts.values()) for least in range(1, 21)]
known = [sum(count for count in counts.values() if count >= least) / len(word_ids) for least in range(1, 21)]

figure = new_figure(10, 4.2)
left, right = figure.subplots(1, 2)
names, heights = zip(*letters.token_freqs, strict=True)
left.bar(["_" if name == " " else name for name in names], np.array(heights) / len(ids), color="tab:blue")
left.set(xlabel="character (_ is the space)", ylabel="share of the text", title="Ids go by falling frequency")
left.tick_params(axis="x", labelsize=8)
right.plot(range(1, 21), kept, "o-", markersize=4)
right.set(xlabel="min_freq: words rarer than this become <unk>", ylabel="words in the vocabulary", ylim=(0, None))
right.set_title("Rare words fill the vocabulary, not the text")
other = right.twinx()
other.plot(range(1, 21), known, "s-", color="tab:orange", markersize=4)
other.set_ylabel("share of the text that is known", color="tab:orange")
other.set_ylim(0, 1.05)
right.xaxis.get_major_locator().set_params(integer=True)
save(figure, __file__)

print(f"size of the vocabulary of words: got {len(words)}, expected {4580 if BOOK else '2000 to 20000'}")
