"""How much memory something would take, said before it is taken."""

from __future__ import annotations

MAX_BYTES = 4 << 30


def require(what: str, needed: int, max_bytes: int | None, remedy: str) -> None:
    """Raises MemoryError where `needed` bytes pass the limit (None: no limit), with the way to need less."""
    if max_bytes is not None and needed > max_bytes:
        raise MemoryError(
            f"{what} would need about {readable(needed)}, more than max_bytes allows ({readable(max_bytes)}); "
            f"{remedy}, or raise max_bytes"
        )


def readable(size: float) -> str:
    """A number of bytes as a person writes it."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"
