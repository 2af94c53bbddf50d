"""A bar of the epochs of a training on stderr: how far it is, the time that is left, and the numbers so far."""

from collections.abc import Callable
from math import isnan
from typing import Any

SELDOM = 0.25  # seconds between two drawings


class EpochBar:
    """Counts the updates of a training, and shows the last epoch's numbers, or those of a long epoch so far.

    Args:
        epochs: of the training.
        updates: of an epoch.
        so_far: writes the mean loss of an epoch that has not ended.
        initial: the updates that were made before.
        disable: whether nothing is shown; None shows nothing where stderr is no terminal.
    """

    def __init__(
        self,
        epochs: int,
        updates: int,
        so_far: Callable[[float], str],
        *,
        initial: int = 0,
        disable: bool | None = None,
    ):
        from tqdm import tqdm

        self.epochs, self.updates, self.so_far = epochs, updates, so_far
        self.bar: Any = tqdm(
            total=epochs * updates,
            initial=initial,
            bar_format="{desc} {percentage:3.0f}% |{bar}| {elapsed} < {remaining}{postfix}",
            desc=f"epoch {initial // updates if updates else 0}/{epochs}",
            dynamic_ncols=True,
            mininterval=SELDOM,
            miniters=1,  # a look at the clock at each update, since updates differ
            leave=False,
            disable=disable,
        )

    def step(self, loss: float) -> None:
        """Counts an update.

        Args:
            loss: the mean of the epoch so far, nan if it is not known; the next drawing shows it.
        """
        if self.bar.update(1) and not isnan(loss):
            self.bar.set_postfix_str(f"{self.so_far(loss)} so far", refresh=False)

    def epoch(self, epoch: int, numbers: str) -> None:
        """Shows an epoch's numbers at the next drawing, and corrects the count, since epochs may differ by an update.

        Args:
            epoch: which has ended, from 1 on.
            numbers: of it.
        """
        self.bar.update(epoch * self.updates - self.bar.n)
        self.bar.set_description_str(f"epoch {epoch}/{self.epochs}", refresh=False)
        self.bar.set_postfix_str(numbers, refresh=False)
