"""Hypotheses with other sums beside them: every tensor that one leaves unexplained has to be another sum's."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from npseq.diagnosis.given import Given
from npseq.diagnosis.hypotheses import Priced, edits_of
from npseq.diagnosis.mistake import NOTHING, Match, Mistake, SumChange
from npseq.diagnosis.passes import Gradients, Kept, Pass, SumOf, parameter
from npseq.diagnosis.problem import Problem, Strand
from npseq.diagnosis.variants import Variant, after_variants, factors, sum_variants

SCALED = 0.3  # the price of a factor
Option = tuple[Variant, float]  # another sum, and a factor
Options = dict[str, Option]  # by key; "" where nothing has to be explained


class Sums:
    """Looks for other sums beside some hypotheses.

    Args:
        problem: the layer's.
        given: what somebody gave, by tensor.
        beside: the hypotheses, none of which changes a sum itself.
        forward_in_time: whether the steps are taken from the first to the last.
    """

    def __init__(
        self, problem: Problem, given: dict[str, Given], beside: Sequence[Priced], forward_in_time: bool = False
    ):
        self.problem, self.given, self.names, self.beside = problem, given, list(given), beside
        self.factors = factors(problem)
        with np.errstate(all="ignore"):
            passed = Pass(problem, [(mistake,) for mistake, _ in beside], _adjoints, forward_in_time)
            self.options = self._options(passed)

    def matches(self) -> Iterator[Match]:
        """Each hypothesis that other sums complete, with them."""
        for k, (mistake, price) in enumerate(self.beside):
            cover = self._cover([self.options[name][k] for name in self.names])
            if cover is not None:
                own = () if mistake is NOTHING else (mistake,)
                yield Match((*own, *(one for one, _ in cover)), price + sum(price for _, price in cover))

    def _options(self, passed: Pass) -> dict[str, list[Options]]:
        """By tensor and hypothesis: all that explains it."""
        right = passed.gradients(self.names)
        options: dict[str, list[Options]] = {}
        strands = {own: (kept, name) for kept in passed.kept for name, own in kept.strand.parameters.items()}
        none = Variant("", "", SumChange(), 0.0)
        for name in self.names:
            options[name] = [{} for _ in self.beside]
            self._note(options[name], name, none, right[name])
            for variant, value in _values(self.problem, strands.get(name), name, right, self.given[name].value):
                self._note(options[name], name, variant, value)
        return options

    def _note(self, options: list[Options], name: str, variant: Variant, value: Any) -> None:
        given = self.given[name]
        factor = given.factor(value)
        fits = given.fits(value)
        for i in np.flatnonzero(fits | np.isfinite(factor)):
            if fits[i]:
                options[i].setdefault(variant.key, (variant, 1.0))
                continue
            if variant.key == "zero":
                continue
            c = next((c for c in self.factors if abs(factor[i] / c - 1) < 10 * given.rtol), None)
            if c is not None:
                options[i].setdefault(f"{variant.key} x {self.factors[c]}".strip(), (variant, c))
            elif not variant.key:
                options[i].setdefault("x a common factor", (variant, float(factor[i])))

    def _cover(self, options: list[Options]) -> list[Priced] | None:
        """The fewest mistakes that explain every tensor; None where one has no explanation."""
        open_ = [k for k, keys in enumerate(options) if "" not in keys]
        if not open_ or any(not options[k] for k in open_):
            return [] if not open_ else None
        cover: list[Priced] = []
        while open_:
            groups: dict[str, list[int]] = {}
            for k in open_:
                for group in dict.fromkeys(map(_group, options[k])):
                    groups.setdefault(group, []).append(k)
            common = [self._of_group("x a common factor", options[k])[1] for k in groups.get("x a common factor", [])]
            rtol = 10 * max(self.given[name].rtol for name in self.names)
            if len(common) < 2 or np.ptp(common) > rtol * abs(common[0]):  # one tensor may be off by any factor
                groups.pop("x a common factor", None)
            if not groups:
                return None
            best = min(groups, key=lambda g: (-len(groups[g]), self._price(g, groups[g][0], options)))
            names = {self.names[k]: self._of_group(best, options[k]) for k in groups[best]}
            cover.append((self._mistake(best, names), self._price(best, groups[best][0], options)))
            open_ = [k for k in open_ if k not in groups[best]]
        return cover

    def _of_group(self, group: str, options: Options) -> Option:
        return next(option for key, option in options.items() if _group(key) == group)

    def _price(self, group: str, k: int, options: list[Options]) -> float:
        variant, factor = self._of_group(group, options[k])
        unusual = factor not in (1.0, *self.factors)
        return (variant.price if variant.key else 1.0) + SCALED * (factor != 1.0) + SCALED * unusual

    def _mistake(self, group: str, names: dict[str, Option]) -> Mistake:
        who = listed(names, self.problem)
        variant, factor = next(iter(names.values()))
        times = "" if factor == 1.0 else f"{self.factors.get(factor, f'{factor:.6g}')} times what it should be"
        times += "" if factor in (1.0, *self.factors) else ", as a clip by the norm or another loss would make it"
        each = [f"{name}: {its.words}" for name, (its, _) in names.items() if its.words]
        words = f"{who}: {variant.words}" if len({its.words for its, _ in names.values()}) == 1 else "; ".join(each)
        words = " and ".join(filter(None, (words if variant.words else f"{who}:" * (factor != 1), times)))
        return Mistake(
            f"{who}: {group}", words.replace(": and", ":"), *self._right(names),
            sums={f"={name}": _scaled(its.change, c) for name, (its, c) in names.items()},
        )  # fmt: skip

    def _right(self, names: dict[str, Any]) -> tuple[str, str]:
        """What is right for these tensors, and the labels."""
        texts: dict[str, None] = {}
        labels: dict[str, None] = {}
        for strand in self.problem.strands:
            for name, own in strand.parameters.items():
                if own in names:
                    texts[sum_text(name, *strand.equations.sums[name])] = None
                    labels[strand.equations.label(name) or "T10"] = None
        if "x" in names:
            texts["dx_t = W_x da_t, summed over the gates and the directions"] = labels["T5"] = None
        if any(name.endswith(("h0", "c0")) for name in names):
            texts["it is what the first step passes back"] = labels["T9"] = None
        shown = list(texts)
        return "; ".join(shown[:3]) + (" ..." if len(shown) > 3 else ""), ", ".join(labels)


def _adjoints(strand: Strand) -> dict[str, int]:
    """Every adjoint of a step, and what a wrong equation would have made of it."""
    found = dict(strand.equations.adjoints)
    for other in edits_of(strand)[1].values():
        found |= other
    return found


def _values(
    problem: Problem, place: tuple[Kept, str] | None, name: str, right: Gradients, given: np.ndarray
) -> Iterator[tuple[Variant, np.ndarray]]:
    """Every variant of a tensor's sum, with its gradients (K, *shape)."""
    of = SumOf(problem, name, right, slice(None))
    if place is not None:
        kept, own = place
        for variant in sum_variants(kept, own):
            yield variant, parameter(kept, own, variant.change)
    for variant in after_variants(name, problem, given):
        assert variant.change.after is not None
        yield variant, variant.change.after(right[name], of)


def _group(key: str) -> str:
    """The adjoints of other gates are one mistake, whichever gates they are of."""
    variant, times, factor = key.partition(" x ")
    if re.fullmatch(r"da_\w+ for da_\w+", variant):
        variant = "another gate's adjoint"
    if variant.endswith("'s") and variant[:2] in ("W_", "b_"):
        variant = "another parameter's"
    return f"{variant}{times}{factor}"


def _scaled(change: SumChange, c: float) -> SumChange:
    if c == 1.0:
        return change
    inner = change.after
    return change._replace(after=lambda value, of: c * (value if inner is None else inner(value, of)))


def sum_text(name: str, operand: str | None, adjoint: str) -> str:
    adjoint = adjoint.replace("kept_", "da_")
    own = {"h": "h_{t-1}^T ", "x": "x_t^T ", "m": "m_t^T ", None: ""}[operand]
    return f"d{name} = sum of {own}{adjoint}"


def listed(names: Any, problem: Problem) -> str:
    """Names of tensors in few words: "W_h*" for all of them that begin so."""
    left, found = list(names), []
    for pattern in ("*", "W_*", "W_x*", "W_h*", "b_*"):
        every = [name for name in problem.names if name.split(".")[-1].startswith(pattern[:-1])]
        if len(every) > 1 and set(every) <= set(left):
            found.append(pattern)
            left = [name for name in left if name not in every]
    return ", ".join([*found, *left])
