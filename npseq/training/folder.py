"""The folder that files go to."""

from __future__ import annotations

from pathlib import Path


def make_folder(out: Path) -> None:
    """Makes the folder and tries it, so that work does not end with nothing to show. Raises OSError where it fails."""
    probe = out / ".npseq.partial"
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise OSError(f"the output folder {str(out)!r} must be writable: {error}; name another one") from error
