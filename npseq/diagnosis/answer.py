"""The answer of diagnose: which mistake has these numbers, what is right, or what is known if none has them."""

from dataclasses import dataclass

from npseq.diagnosis.mistake import Match, Mistake
from npseq.diagnosis.words import cited
from npseq.shown import in_notebooks

SHOWN = 3  # other explanations of the same numbers


@in_notebooks
@dataclass(frozen=True)
class Diagnosis:
    """Says which known mistake has exactly the gradients that were given; it prints itself.

    Args:
        matches: the explanations, the simplest first; each has an id, a text and its mistakes, each of these what is
            wrong, what is right, the label of the equation, and where it was published.
        right: the tensors whose gradient is right.
        wrong: those whose gradient is not.
        advice: where to look, for wrong gradients that nothing explains.
        layout: how arrays were read that do not have npseq's names and shapes.
        hypotheses: how many single mistakes were compared.

    Example:
        >>> layer, x = ns.RNN(3, 4, dtype=float, rng=0), np.random.default_rng(0).normal(size=(5, 2, 3))
        >>> y, _, tape = layer.forward(x)
        >>> grads = layer.backward(y, tape)[2]
        >>> str(ns.diagnose(layer, x, y, grads))
        'The gradients are right: W_xh, W_hh, b_h.'
    """

    matches: tuple[Match, ...]
    right: tuple[str, ...]
    wrong: tuple[str, ...]
    advice: str = ""
    layout: tuple[str, ...] = ()
    hypotheses: int = 0

    @property
    def bug(self) -> str | None:
        """Returns the id of the simplest explanation; None where there is none, or nothing is wrong."""
        return self.matches[0].id if self.matches else None

    @property
    def text(self) -> str:
        """Returns one sentence."""
        if not self.wrong:
            return f"The gradients are right: {', '.join(self.right)}."
        if not self.matches:
            right = f"; right: {', '.join(self.right)}" if self.right else ""
            return f"No known mistake has these numbers; wrong: {', '.join(self.wrong)}{right}."
        return f"This looks like: {self.matches[0].text}."

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        lines = [self.text]
        if self.matches:
            lines += [line for mistake in self.matches[0].mistakes for line in _described(mistake)]
            others = [match.text for match in self.matches[1 : SHOWN + 1]]
            lines += ["the same numbers:", *(f"  {text}" for text in others)] if others else []
        elif self.wrong:
            lines.append(f"{self.hypotheses} mistakes and likely pairs of them were compared")
            lines += [self.advice] if self.advice else []
        return "\n".join([*lines, *(f"read {note}" for note in self.layout)])


def _described(mistake: Mistake) -> list[str]:
    """What is right, and where it happened."""
    lines = [f"  right: {mistake.right}"] if mistake.right else []
    lines += [f"  equation {cited(mistake.equation)}"] if mistake.equation else []
    return lines + ([f"  published: {mistake.where}"] if mistake.where else [])
