"""Equations of the graph, and what is wrong with them, in the letters of a page."""

import re

PAGES = {"R": "rnn", "G": "gru", "L": "lstm", "T": "time"}  # of docs/derivations, by the letter of a label
LETTERS = (
    (r"\bkept_", "da_"),
    (r"\bsame\(", "("),
    (r"\bdsigmoid\((\w+)\)", r"\1 (1 - \1)"),
    (r"\bdtanh\(([^()]*(?:\([^()]*\))?)\)", r"(1 - \1^2)"),
    (r"\b(W_\w+?)_T\((d\w+|p)\)", r"\2 \1"),
    (r"\b(W_\w+)\((d\w+|p)\)", r"\2 \1^T"),
    (r"\b(d?[hc])_new\b", r"\1_t"),
    (r"(?<![_\w^'])([hc])(?![\w'_(])", r"\1_{t-1}"),
    (r"\bdc_next\b", "dc_t"),
    (r"(?<![_\w])p(?![\w_])", "p_{t+1}"),
    (r" \* ", " "),
)
SHIFTS = {
    "before": "the step before",
    "after": "the step after",
    "zero_before": "the step before, with zero at the first",
    "zero_after": "the step after, with zero at the last",
    "wrapped_before": "the step before, the last one's at the first step",
    "wrapped_after": "the step after, the first one's at the last step",
    "first": "the first step, at every step",
    "last": "the last step, at every step",
    "turned": "the steps in reversed order",
    "from_zero": "every step but the first, and zero there",
}


def written(equation: str) -> str:
    """An equation of the graph as the derivations write it.

    Example:
        >>> from npseq.diagnosis.words import written
        >>> written("da_f = dc_all * dsigmoid(f) * c")
        'da_f = dc_all f (1 - f) c_{t-1}'
    """
    equation = re.sub(r"([a-z]\w*)\.([a-z]\w*)", lambda found: f"[{found[1]} of {SHIFTS[found[2]]}]", equation)
    for old, new in LETTERS:
        equation = re.sub(old, new, equation)
    return equation


def cited(labels: str) -> str:
    """Labels with the page that derives them: "(L17) in docs/derivations/lstm.md"; nothing for none."""
    if not labels:
        return ""
    pages = dict.fromkeys(f"docs/derivations/{PAGES[label.strip()[0]]}.md" for label in labels.split(","))
    return f"{', '.join(f'({label.strip()})' for label in labels.split(','))} in {' and '.join(pages)}"
