"""This module makes pairs to translate that need no file: dates as people write them, and letters back to front."""

from npseq.backend import Seed, generator

Tokens = list[list[str]]

MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip


def date_pairs(count: int, rng: Seed = 0) -> tuple[Tokens, Tokens]:
    """Returns the characters of dates as people write them ("9 may 1998", "may 9, 1998", "09/05/98") and in ISO 8601.

    Years are 1950 to 2049, so two digits determine them, and days 1 to 28.
    """
    rng = generator(rng)
    years, months, days = rng.integers(1950, 2050, count), rng.integers(1, 13, count), rng.integers(1, 29, count)
    forms = rng.integers(0, 3, count)
    dates = list(zip(years.tolist(), months.tolist(), days.tolist(), strict=True))
    source = [_written(date, form) for date, form in zip(dates, forms.tolist(), strict=True)]
    target = [f"{year}-{month:02d}-{day:02d}" for year, month, day in dates]
    return [list(text) for text in source], [list(text) for text in target]


def reversal_pairs(count: int, rng: Seed = 0, letters: str = "abcdefgh", longest: int = 8) -> tuple[Tokens, Tokens]:
    """Returns 1 to `longest` random letters, and the same from the last to the first."""
    rng = generator(rng)
    source = [list(rng.choice(list(letters), size)) for size in rng.integers(1, longest + 1, count)]
    source = [[str(letter) for letter in line] for line in source]
    return source, [line[::-1] for line in source]


MADE = {"dates": date_pairs, "reversal": reversal_pairs}


def _written(date: tuple[int, int, int], form: int) -> str:
    year, month, day = date
    name = MONTHS[month - 1]
    return (f"{day} {name} {year}", f"{name} {day}, {year}", f"{day:02d}/{month:02d}/{year % 100:02d}")[form]
