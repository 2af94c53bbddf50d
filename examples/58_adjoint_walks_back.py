"""The adjoint walks back through an LSTM, and its gates open and close the way: an animation and its last frame.

"the cats which already ate ... [were]": one loss, at the verb. Backward starts there and goes from word to word;
each square is dL/dc of one unit, its colour the sign, its strength the root of its size. Between two words stand the
forget gates of all units, doors that are as far open as f: dc is multiplied by f on its way back (L19).
"""

import numpy as np
from save_figure import FOLDER, new_figure, save

import npseq as ns
from npseq.data import AGREEMENT_VOCABULARY, agreement_sentences
from npseq.initializers import forget_bias
from npseq.models import Classifier

LAG, UNITS = 9, 8
RED, BLUE = "#d6453f", "#2563b4"

layer = ns.LSTM(len(AGREEMENT_VOCABULARY), UNITS, dtype=np.float64, rng=1)
forget_bias(layer.params, 1.0)
model, optimizer, rng = Classifier(layer, 2, rng=3), ns.Adam(0.01), np.random.default_rng(0)
for _ in range(250):
    ids, plural = agreement_sentences(32, LAG, rng)
    model.step(ids, plural, optimizer=optimizer, clip=1)

ids, plural = agreement_sentences(1, LAG, np.random.default_rng(6))
logits, tape = model.forward(ids)
dlast, _ = model.output.backward(
    ns.softmax_cross_entropy(logits, 1 - plural)[1], tape.output
)  # asks for the other verb
last = ns.layers.last_output_gradient(model.recurrent, dlast)
ledger = ns.inspect.ledger(model.recurrent, None, tape.recurrent, last, pairs=False)
dc, f = ledger.adjoints["c"][:, 0], ledger.gates["f"][:, 0]  # (T, H)
words = [AGREEMENT_VOCABULARY.tokens[i] for i in ids[:, 0]]
order = np.argsort(-np.abs(dc[1]))  # units by what reaches the subject
dc, f, scale = dc[:, order], f[:, order], np.abs(dc).max()


def strength(value):
    return float(np.sqrt(abs(value) / scale))


def door(gate):
    """The two halves of a door, (from, to) of a unit's height, that leave an opening as wide as the gate."""
    return (0.0, (1 - gate) / 2), ((1 + gate) / 2, 1.0)


def animation():
    """An SVG that draws itself: one square after the other from the last word to the first, again and again."""
    step, cell, top, left = 64, 22, 46, 12
    T, pause, pace = len(words), 2.0, 0.45
    total = T * pace + pause
    width, height = left * 2 + T * step, top + UNITS * cell + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"',
        ' font-size="13">',
        "<title>The adjoint walks back through an LSTM</title><style>text,.door{fill:#555}@media (prefers-color-scheme:"
        "dark){text,.door{fill:#bbb}}</style>",
        f'<text x="{left}" y="18">dL/dc, word by word back from the verb; doors: forget gates, as open as f</text>',
    ]
    for t, word in enumerate(words):
        x, begin = left + t * step, (T - 1 - t) * pace / total
        parts.append(f'<text x="{x + 18}" y="{top - 8}" text-anchor="middle">{word}</text>')
        for u in range(UNITS):
            y, share = top + u * cell, strength(dc[t, u])
            colour = RED if dc[t, u] > 0 else BLUE
            times = f"0;{begin:.4f};{min(begin + 0.3 * pace / total, 1):.4f};0.97;1"
            parts.append(
                f'<rect x="{x}" y="{y}" width="36" height="{cell - 3}" rx="3" fill="{colour}" opacity="{share:.3f}">'
                f'<animate attributeName="opacity" values="0;0;{share:.3f};{share:.3f};0" keyTimes="{times}" '
                f'dur="{total:.2f}s" repeatCount="indefinite"/></rect>'
            )
            for low, high in door(f[t, u]) if t else ():
                tall = (high - low) * (cell - 3)
                parts.append(
                    f'<rect class="door" x="{x - 18}" y="{y + low * (cell - 3):.2f}" width="5" height="{tall:.2f}"/>'
                )
    parts.append(
        f'<text x="{left}" y="{height - 10}">red: above 0, blue: below; a row is one unit of the cell</text></svg>'
    )
    return "\n".join(parts)


FOLDER.mkdir(parents=True, exist_ok=True)
(FOLDER / "58_adjoint_walks_back.svg").write_text(animation(), encoding="utf-8")

figure = new_figure(9, 3.6)
axes = figure.subplots()
for t in range(len(words)):
    for u in range(UNITS):
        colour = RED if dc[t, u] > 0 else BLUE
        axes.bar(t, 0.85, 0.5, bottom=u, color=colour, alpha=strength(dc[t, u]))
        for low, high in door(f[t, u]) if t else ():
            axes.bar(t - 0.5, 0.85 * (high - low), 0.08, bottom=u + 0.85 * low, color="0.35")
axes.set_xticks(range(len(words)), words, fontsize=8)
axes.set_yticks([])
axes.set(xlabel="word (the loss stands after the last one)", ylabel="units of the cell")
axes.invert_yaxis()
axes.set_title("The adjoint dL/dc walks back from the verb to the subject, where the forget gates let it through")
save(figure, __file__)
through = f[2:].prod(axis=0)  # what the doors from the verb to the subject let through, unit by unit
print("let through by the forget gates alone, unit by unit:", np.round(through, 3))
reached = np.linalg.norm(dc[1]) / np.linalg.norm(dc[-1])
print(f"norm of dL/dc at the subject over that at the last word: got {reached:.2f}, expected 0.05 to 1")
