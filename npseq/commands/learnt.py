"""What `npseq train` says of a run that has ended: how well it predicts which text, samples, its files."""

import math
import statistics
from typing import Any

from npseq.commands.measured import bits, unit_of


def found_of(run: Any) -> dict[str, Any]:
    """Returns the result as JSON has it; "evaluated" is the perplexity on the text that "evaluated_on" names.

    The samples are of the best epoch's model, as those of `npseq sample` are.
    """
    from npseq.training.checkpoint import load_trained
    from npseq.training.folder import BEST
    from npseq.training.heldout import best, name_of
    from npseq.training.samples import samples_of

    last, held = run.metrics[-1], best(run.metrics)
    model = run.model if held is None or held is last else load_trained(run.out / BEST).model
    evaluated = run.evaluate() if held is None else held.held_out_perplexity
    return {
        "epochs": last.epoch,
        "perplexity": last.perplexity,
        "evaluated": evaluated,
        "evaluated_on": name_of(run.config),
        "best_epoch": last.epoch if held is None else held.epoch,
        "bits": bits(math.log(evaluated)),
        "tokens_per_second": statistics.median(m.tokens_per_second for m in run.metrics),
        "device": run.config.device,
        "samples": samples_of(model, run.config),
        "files": run.folder.files(),
    }


def lines_of(run: Any, found: dict[str, Any]) -> list[str]:
    """Returns the result in lines."""
    from npseq.training.folder import BEST
    from npseq.training.heldout import best

    kept = f", the best epoch, kept as {BEST}" if best(run.metrics) else ""
    return [
        f"perplexity {found['perplexity']:.3f} while training (epoch {found['epochs']})",
        f"perplexity {found['evaluated']:.3f}, {found['bits']:.3f} bits a {unit_of(run.config)}, on "
        f"{found['evaluated_on']} (epoch {found['best_epoch']}{kept})",
        f"{found['tokens_per_second']:,.0f} tokens/s on {found['device']}",
        *(f"sample: {text}" for text in found["samples"]),
        f"files: {', '.join(found['files'])}",
    ]


def text_again(config: Any) -> str:
    """Returns what --resume needs beside the folder: a text of the standard input must be given again."""
    return " --text FILE, with the same text" if config.corpus == "-" else ""
