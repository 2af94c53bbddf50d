"""BLEU: n-gram precisions and a penalty for saying too little (d2l, "Sequence to Sequence Learning")."""

import numpy as np
from save_figure import new_figure, save

from npseq.models import d2l_bleu
from npseq.models.decoding.bleu import ngram_matches

label, prediction = list("ABCDEF"), list("ABBCD")
for n in (1, 2, 3, 4):
    matches, total = ngram_matches(prediction, label, n)
    print(f"p_{n} of ABBCD against ABCDEF: {matches}/{total}")
penalty = d2l_bleu("A B", "A B C D E F", k=2)
print(f"'A B', all right but short: {penalty:.4f} = exp(1 - 6/2)")

cases = [
    ("va !", "va !"),
    ("j'ai perdu .", "j'ai perdu ."),
    ("il est riche .", "il est calme ."),
    ("je suis en retard ?", "je suis chez moi ."),
    ("suis je moi chez .", "je suis chez moi ."),
    ("non", "je suis chez moi ."),
]
scores = np.array([[d2l_bleu(said, right, k) for k in (1, 2, 3, 4)] for said, right in cases])
for (said, right), row in zip(cases, scores, strict=True):
    print(f"{said!r:24} for {right!r:24} k = 1 to 4: {row.round(3).tolist()}")

figure = new_figure(8.5, 4.5)
axes = figure.subplots()
for j, k in enumerate((1, 2, 3, 4)):
    axes.bar(np.arange(len(cases)) + 0.2 * j - 0.3, scores[:, j], 0.18, label=f"k = {k}")
axes.set(ylabel="BLEU", title="Longer n-grams ask for the right order", ylim=(0, 1.05))
axes.set_xticks(range(len(cases)), [f"{said}\n({right})" for said, right in cases], fontsize=7)
axes.set_xlabel("prediction (reference)")
axes.legend()
save(figure, __file__)

print(f"BLEU of 'il est riche .' for 'il est calme .', k = 2: got {scores[2, 1]:.3f}, expected 0.658")
