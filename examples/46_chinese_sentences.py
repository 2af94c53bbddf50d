"""A language model of Chinese sentences: which one is likelier, what it does not know, where it ends.

历史总是不断重演, "history always repeats itself", and 力使总事不断虫眼 sound the same. A language model knows which one
was said, though it has read neither. 我爱吃油泼辣子彪彪面 has a character that no vocabulary holds; a sentence ends in
<eos>. In 你好世界, "hello, world", each character is predicted from those before it (Ng, course 5, week 1; Dive into
Deep Learning, 9.3). Characters or words? By what is unknown, and how long a sentence is. A list of words cuts a text
up, the longest first; so does the package jieba, where it is installed, with a list of its own.
"""

from importlib.util import find_spec

import numpy as np
from save_figure import new_figure, save

import npseq as ns
from npseq.data import Vocabulary, sequential_windows, tokenize

# a word of W stands in place of each W; each is made of characters that others have, too
FORMS = """你好世界|你好，W|历史总是这样|这出戏不断重演|历史是一面镜子|W的历史很长|他总是不断努力|W总是不断变化|
生活总是这样|事情总是不断发生|力气要使出来|他使了很大的力气|虫子没有眼睛|他的眼睛很好|我爱吃W面，味道非常好。|
我爱吃油泼辣子面，味道很好。|我爱吃辣子，味道非常好。|这是W|他在W|W在W那里|我去过W|W没有W好"""
LISTS = """火车 汽车 车站 火山 山水 水车 电车 电视 电话 话剧 剧院 学院 学校 校车 学生 生日 日记 记者 学者 书店 书法
法院 院长 校长 长江 江水 水果 果汁 火锅 海水 海边 山边 电站 水电 火电 水牛 牛奶 奶牛 山羊 羊肉 牛肉 肉店 果园 花园
校园 水花 火花 电影 剧本 书本|你好 世界 历史 总是 不断 重演 一面 镜子 努力 变化 生活 这样 事情 发生 力气 出来 虫子
没有 眼睛 味道 非常 辣子 油泼 那里"""
WORDS, COMMON = (part.split() for part in LISTS.split("|"))
FORMS = FORMS.replace("\n", "").split("|")
RIGHT, WRONG = "历史总是不断重演", "力使总事不断虫眼"
STRANGE = "我爱吃油泼辣子彪彪面，味道非常好。"


def sentences(count, words, rng):
    """Lines of text in which every W is a word of these."""
    return ["".join(str(rng.choice(words)) if c == "W" else c for c in rng.choice(FORMS)) for _ in range(count)]


def cut(text):
    """The words of a text: from the left, the longest one that the list has, or else a character."""
    found = []
    while text:
        found.append(next((text[:n] for n in (2, 1) if text[:n] in (*WORDS, *COMMON)), text[0]))
        text = text[len(found[-1]) :]
    return found


rng = np.random.default_rng(0)
training, new = sentences(500, WORDS[::2], rng), sentences(200, WORDS, rng)  # new texts have words never seen
unknown, length = {}, {}
ways = {"characters": list, "words": cut}
if find_spec("jieba"):  # the extra npseq[chinese]: no list of words is needed
    ways["words of jieba"] = lambda line: tokenize([line], "jieba")[0]
for kind, split in ways.items():
    vocabulary = Vocabulary([split(line) for line in training], min_freq=2)
    ids = np.concatenate([vocabulary[split(line)] for line in new])
    unknown[kind], length[kind] = (ids == vocabulary.unk).mean(), len(ids) / len(new)
    print(f"{kind}: {len(vocabulary)} in the vocabulary; of a new text {unknown[kind]:.1%} are unknown, "
          f"{length[kind]:.1f} in a sentence")  # fmt: skip
for kind in [*ways][1:]:
    print(f"cut into {kind}:", " ".join(ways[kind](STRANGE)))

lines = [[*line, "<eos>"] for line in training]
vocab = Vocabulary(lines, min_freq=2, reserved_tokens=["<eos>"], token="char")
end = vocab["<eos>"]
print("as the network reads it:", vocab.decode([*vocab.encode(STRANGE), end]))


def score(text):
    """log P(text, <eos>) of a sentence that begins after the end of another."""
    return model.log_prob([end, *vocab.encode(text), end]) - model.log_prob([end])


model, optimizer = ns.LanguageModel(vocab, "gru", 48, embedding_size=24, rng=1), ns.Adam(0.01)
gaps, perplexities = [], []
for epoch in range(15):
    ids, state, losses = np.concatenate([vocab[lines[k]] for k in rng.permutation(len(lines))]), None, []
    for x, y in sequential_windows(ids, 10, 20, epoch):
        loss, _, state = model.step(x, y, state, optimizer, clip=1)
        losses.append(loss)
    perplexities.append(ns.perplexity(np.mean(losses)))
    gaps.append((score(RIGHT) - score(WRONG)) / np.log(10))

for text in (RIGHT, WRONG):
    print(f"P = 10^{score(text) / np.log(10):.1f}: {text}")
logits, _ = model.logits(np.array([end, *vocab.encode("你好世界")])[:, None])
p = np.exp(logits[:, 0] - logits[:, 0].max(axis=1, keepdims=True))
p /= p.sum(axis=1, keepdims=True)
for k, (before, after) in enumerate(zip(["<eos>", *"你好世"], "你好世界", strict=True)):
    print(f"P({after} | {before} and the state) = {p[k, vocab[after]]:.3f}")
for seed in range(3):
    print("drawn:", vocab.decode(model.generate([end], 40, 1, rng=seed, stop="<eos>")[1:]))

left, right = (figure := new_figure(9, 4)).subplots(1, 2)
left.plot(gaps, label="history repeats itself over nonsense")
left.axhline(0, color="k", linestyle=":")
left.set(xlabel="epoch", ylabel="log10 P(right) - log10 P(wrong)", title="Two sentences that sound the same")
right.bar(
    [f"{kind.replace(' of ', chr(10) + 'of ')}\n{length[kind]:.1f} in a sentence" for kind in unknown],
    list(unknown.values()),
)
right.set(ylabel="share that is unknown, in a new text", title="Words are fewer, and less often known")
save(figure, __file__)
print(f"log10 P of the sentence over that of the nonsense: got {gaps[-1]:.1f}, expected at least 5")
