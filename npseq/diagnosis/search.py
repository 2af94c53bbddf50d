"""Which mistakes have exactly the numbers that were given: one alone, with wrong sums beside it, or two at once."""

from collections.abc import Iterator, Sequence

import numpy as np

from npseq.diagnosis.alternatives import ODD
from npseq.diagnosis.given import Given
from npseq.diagnosis.hypotheses import Priced, single_mistakes
from npseq.diagnosis.mistake import NOTHING, Match, Mistake
from npseq.diagnosis.passes import Gradients, gradients_of, sizes_of_sums
from npseq.diagnosis.problem import Problem
from npseq.diagnosis.sums import Sums
from npseq.diagnosis.zoo import CATALOGUE

CLOSEST = 40  # hypotheses beside which other sums are tried
ADDING_UP = 500  # pairs whose changes add up to what is wrong
BASES = 6  # mistakes beside which every other one is tried
PARTNERS = 1200  # how many these are, the closest ones
NUMBERS = 1 << 21  # of one kind of adjoint at a time
AS_SIMPLE = 0.8  # by how much an explanation may be dearer than the simplest


class Search:
    """Compares what was given with every hypothesis.

    Args:
        problem: the layer's.
        given: by tensor; a later `compare` takes others.
    """

    def __init__(self, problem: Problem, given: dict[str, Given]):
        self.problem, self.names = problem, problem.names
        self.candidates: list[Priced] = [(NOTHING, 0.0), *single_mistakes(problem)]
        self.found = self.gradients([(mistake,) for mistake, _ in self.candidates])
        self.sizes = sizes_of_sums(problem)
        self.compare(given)

    def compare(self, given: dict[str, Given]) -> None:
        """Takes what was given: which hypotheses have these numbers, and which change any of them."""
        self.names = list(given)
        self.given = {n: one._replace(floor=one.digits * self.sizes.get(n, 0.0)) for n, one in given.items()}
        none = np.zeros((len(self.candidates), 0), bool)
        self.exact = np.stack([self.given[n].fits(self.found[n]) for n in self.names], axis=1) if given else none
        self.right = self.exact[0]
        same = [Given(self.found[n][0], 1e-13).fits(self.found[n]) for n in self.names]
        self.different = ~np.all(same, axis=0) if given else none.any(axis=1)

    def gradients(self, hypotheses: Sequence[Sequence[Mistake]]) -> Gradients:
        """Those of many hypotheses, some at a time."""
        part = self.problem.parts[0]
        numbers = self.problem.T * self.problem.B * part.layer.hidden_size * len(part.layer.cell.gates)
        some = max(16, NUMBERS // max(numbers, 1))
        pieces = [
            gradients_of(self.problem, hypotheses[k : k + some], self.names) for k in range(0, len(hypotheses), some)
        ]
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in self.names}

    def matches(self) -> list[Match]:
        """All that fit, the simplest first; none where the gradients are right, or nothing fits."""
        if self.right.all():
            return []
        found = [
            Match((self.candidates[k][0],), self.candidates[k][1])
            for k in map(int, np.flatnonzero(self.exact.all(axis=1) & self.different))
        ]
        found += [match for match in self._with_sums() if self.fits(match)]
        found = found or self._pairs()
        best: dict[frozenset[str], Match] = {}
        for match in sorted(found, key=lambda match: (match.price, len(match.id))):
            ids = frozenset(mistake.id for mistake in match.mistakes)
            near = not best or match.price < next(iter(best.values())).price + AS_SIMPLE
            if near and not any(fewer <= ids for fewer in best):
                best[ids] = match
        return list(best.values())

    def fits(self, match: Match) -> bool:
        found = self.gradients([match.mistakes])
        return all(bool(self.given[name].fits(found[name])[0]) for name in self.names)

    def _with_sums(self) -> Iterator[Match]:
        """Every hypothesis, the right gradient first, with other sums for the tensors that it leaves unexplained."""
        scaled = np.stack([self.given[name].factor(self.found[name]) for name in self.names], axis=1)
        known = self.exact | np.isfinite(scaled)
        of_steps = np.array([not mistake.sums and mistake.elsewhere is None for mistake, _ in self.candidates])
        possible = self.different & of_steps & ~self.exact.all(axis=1) & known.any(axis=1)
        closeness = self.exact.sum(axis=1) + 0.5 * known.sum(axis=1)
        order = sorted(np.flatnonzero(possible).tolist(), key=lambda k: (-closeness[k], self.candidates[k][1]))
        rows = [0, *order[:CLOSEST]]
        for way in (False, True):
            some = [self.candidates[k] for k in rows if self.candidates[k][0].forward_in_time is way]
            for match in Sums(self.problem, self.given, some, way).matches() if some else ():
                yield self._of_catalogue(match)

    def _of_catalogue(self, match: Match) -> Match:
        """The match with mistakes of the catalogue in the place of sums with the same numbers."""
        for k, mistake in enumerate(match.mistakes):
            for known in CATALOGUE if mistake.sums and not mistake.step and not mistake.rewrites else ():
                other = Match((*match.mistakes[:k], known, *match.mistakes[k + 1 :]), match.price - 0.1)
                if known.sums and self.fits(other):
                    match = other
                    break
        return match

    def _pairs(self) -> list[Match]:
        """Two mistakes at once: the likeliest pairs, then every mistake beside each of the likeliest ones."""
        for pairs in self._likeliest():
            pairs = [sorted(pair, key=lambda k: self.candidates[k][1]) for pair in pairs]
            hypotheses = [(self.candidates[i][0], self.candidates[j][0]) for i, j in pairs]
            found = self.gradients(hypotheses)
            fit = np.stack([self.given[name].fits(found[name]) for name in self.names], axis=1).all(axis=1)
            if fit.any():
                prices = [self.candidates[i][1] + self.candidates[j][1] for i, j in pairs]
                return [Match(hypotheses[k], prices[k]) for k in np.flatnonzero(fit)]
        return []

    def _likeliest(self) -> Iterator[Sequence[Sequence[int]]]:
        """Lists of pairs. One of two mistakes nearly always is among those that come closest by themselves."""
        scales = {name: self.given[name].scale or 1.0 for name in self.names}
        rows = np.array([k for k in np.flatnonzero(self.different) if self._may_pair(*self.candidates[k])], int)

        def apart(rows: np.ndarray) -> list[np.ndarray]:
            errors = ((self.found[name][rows] - self.given[name].value) / scale for name, scale in scales.items())
            return [error.reshape(len(rows), -1) for error in errors]

        squares = (np.concatenate(apart(rows), axis=1) ** 2).sum(axis=1)
        rows = rows[np.argsort(squares, kind="stable")[: min(PARTNERS, np.isfinite(squares).sum())]]
        if len(rows) < 2:
            return
        yield self._adding_up(rows, scales)
        tensors = np.log(np.stack([np.abs(part).max(axis=1) for part in apart(rows)], axis=1) + 1e-12).mean(axis=1)
        closest = np.stack([rows, rows[np.argsort(tensors, kind="stable")]], axis=1)
        bases = list(dict.fromkeys(closest[:BASES].ravel().tolist()))[:BASES]
        yield [(base, k) for base in bases for k in rows.tolist() if k not in bases or k > base]

    def _may_pair(self, mistake: Mistake, price: float) -> bool:
        """Whether a mistake is looked for beside another one; wrong sums are found without."""
        return mistake.elsewhere is None and not (mistake.sums and not mistake.rewrites) and price < ODD

    def _adding_up(self, rows: np.ndarray, scales: dict[str, float]) -> list[tuple[int, int]]:
        """The pairs whose changes add up to what is wrong, nearly."""

        def flat(name: str, value: np.ndarray, many: int) -> np.ndarray:
            flattened: np.ndarray = ((value - self.found[name][0]) / scales[name]).reshape(many, -1)
            return flattened

        changes = np.concatenate([flat(name, self.found[name][rows], len(rows)) for name in self.names], axis=1)
        wanted = np.concatenate([flat(name, self.given[name].value, 1)[0] for name in self.names])
        norms = (changes**2).sum(axis=1) - 2 * changes @ wanted
        i, j = np.triu_indices(len(rows), 1)
        apart = (norms[:, None] + norms + 2 * changes @ changes.T)[i, j]
        best = np.argpartition(apart, min(ADDING_UP, len(apart) - 1))[:ADDING_UP]
        return list(zip(rows[i[best]].tolist(), rows[j[best]].tolist(), strict=True))
