"""Chinese text: characters are tokens, and any script will do (clean="none" keeps every character).

Five poems of the Tang dynasty, four lines of five characters each. A character is a token, and so are the comma, the
full stop and the poem's end; nothing is split into words. Given the first two characters the network writes the rest.
"""

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import Vocabulary, clean_lines, tokenize

POEMS = """
床前明月光，疑是地上霜。举头望明月，低头思故乡。
春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。
白日依山尽，黄河入海流。欲穷千里目，更上一层楼。
千山鸟飞绝，万径人踪灭。孤舟蓑笠翁，独钓寒江雪。
红豆生南国，春来发几枝。愿君多采撷，此物最相思。
"""  # Li Bai, Meng Haoran, Wang Zhihuan, Liu Zongyuan, Wang Wei
lines = [[*line, "<eos>"] for line in tokenize(clean_lines(POEMS.strip(), clean="none"), "char")]
vocab = Vocabulary(lines, reserved_tokens=["<eos>"], token="char")
poems = np.array(vocab[lines]).T  # (T, B): time comes first
print(f"{poems.shape[1]} poems of {poems.shape[0]} tokens, {len(vocab)} tokens in the vocabulary")
print("most frequent:", vocab.token_freqs[:5])
print("a character that no poem has:", vocab["龍"], vocab.to_tokens(vocab["龍"]))

model, optimizer = ns.LanguageModel(vocab, "gru", 64, embedding_size=32, rng=0), ns.Adam(0.01)
curve, known = [], []
for _ in range(40):
    scores, _ = model.logits(poems[:-1])
    p = np.exp(scores - scores.max(axis=2, keepdims=True))
    p = np.take_along_axis(p / p.sum(axis=2, keepdims=True), poems[1:, :, None], axis=2)
    known.append(p.mean(axis=(1, 2)))  # of the right next character, at each place in the poem
    curve.append(ns.perplexity(model.step(poems[:-1], poems[1:], None, optimizer, clip=1)[0]))

right = 0
for column in poems.T:
    poem = vocab.decode(column[:-1])
    written = model.generate(poem[:2], 40, stop="<eos>")
    right += sum(a == b for a, b in zip(written[2:], poem[2:], strict=False))
    print(f"{poem[:2]} -> {written}  log P {model.log_prob(poem):.1f}")
print("drawn at temperature 1.5:", model.generate("明", 30, 1.5, rng=0, stop="<eos>"))

above, below = (figure := new_figure(8, 6)).subplots(2, 1, height_ratios=(2, 3), sharex=True)
above.semilogy(curve)
above.axhline(len(vocab), color="k", linestyle=":", label=f"guessing among {len(vocab)}")
above.set(ylabel="perplexity", title="A GRU learns five poems by heart")
above.legend()
image = below.imshow(np.array(known).T, vmin=0, vmax=1, cmap="Greys", aspect="auto")
below.set(xlabel="step of training", ylabel="place in the poem (5, 11, 17, 23: , or .)")
below.set_yticks([4, 10, 16, 22], [5, 11, 17, 23])
below.set_title("Commas and full stops are known first, then the characters")
figure.colorbar(image, ax=below, label="probability of what stands there")
save(figure, __file__)
print(f"characters written as in the poems, of {22 * 5}: got {right}, expected at least 105")
