"""A configuration holds everything that determines a training run; the flags of the command line are its fields."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from inspect import cleandoc
from typing import Any, Self

import numpy as np

from npseq import optim
from npseq.arguments import DEEPEST, MANY, mapping
from npseq.backend import Seed, generator
from npseq.bptt.truncation import HDetach
from npseq.data import Vocabulary, load_corpus
from npseq.models.cells import CELL_OF, check_own_options
from npseq.models.first_values import INITIALIZERS
from npseq.training.epoch import SAMPLINGS, Epoch
from npseq.training.truncation_spec import FORMS, read_truncation

LEARNING_RATES = {"sgd": 1.0, "rmsprop": 1e-2, "adam": 1e-3, "adamw": 1e-3, "adagrad": 1e-2}
COUNTS_OR_NONE = ("max_tokens", "max_size", "embedding", "bptt_every", "bptt_steps", "threads")
MOST = {"layers": DEEPEST, "threads": 10_000, "epochs": MANY}  # what takes time or memory before anything can refuse it
NULLABLE = ("lr", "clip", "end_of_line", *COUNTS_OR_NONE)
NEWER = ("tf32", "min_freq", "max_size", "end_of_line", "warmup", "sample_every", "tied")  # which older runs lack
MODEL_OPTIONS = (
    "cell", "hidden_size", "num_layers", "embedding_size", "tied", "bidirectional", "dropout", "initializer",
    "nonlinearity", "reset", "peepholes", "proj_size", "dtype",
)  # fmt: skip
RENAMED = {"hidden_size": "hidden", "num_layers": "layers", "embedding_size": "embedding"}


def option(default: Any, help: str, choices: tuple[str, ...] = (), kind: type | None = None) -> Any:
    """Returns a field. choices: the strings allowed; kind: its type, if the default has another."""
    return field(default=default, metadata={"help": help, "choices": choices, "kind": kind or type(default)})


def documented(cls: Any) -> Any:
    """Lists a dataclass's fields in its docstring, with what `option` says of them."""
    rows = []
    for entry in fields(cls):
        choices = f" ({', '.join(entry.metadata['choices'])})" if entry.metadata["choices"] else ""
        rows.append(f"    {entry.name}: {entry.metadata['help']}{choices}.")
    before, raises, after = cleandoc(cls.__doc__ or "").partition("\n\nRaises:")
    cls.__doc__ = "\n".join([before, "", "Args:", *rows]) + raises + after
    return cls


@documented
@dataclass(frozen=True)
class TrainingConfig:
    """The options of a run; the defaults are those of d2l, 9.6, for its one-layer RNN of 256 units (`train_ch8`).

    The corpus is "python-topics", "time-machine" or the path of a text file. `Epoch` says more of sampling, bptt_every
    and bptt_steps.

    Raises:
        TypeError: for a value of another type, naming the field.
        ValueError: for an impossible value, naming the field.

    Example:
        >>> ns.training.TrainingConfig(cell="gru", optimizer="adam").lr
        0.001
    """

    corpus: str = option("python-topics", "the text to learn", kind=str)
    token: str = option("char", "what the text is made of", ("char", "word", "jieba"))
    clean: str = option("letters", "letters: a to z and spaces, as in d2l; none: all as it is", ("letters", "none"))
    max_tokens: int | None = option(10_000, "only the first so many tokens are learnt, or none for all", kind=int)
    min_freq: int = option(0, "rarer tokens are unknown")
    max_size: int | None = option(None, "the most tokens of the vocabulary (default: all)", kind=int)
    end_of_line: str | None = option(None, "a token behind each line, say <eos> (default: none)", kind=str)
    cell: str = option("rnn", "the recurrent layers", ("rnn", "gru", "lstm"))
    hidden: int = option(256, "hidden units of a layer")
    layers: int = option(1, "how many layers")
    embedding: int | None = option(None, "features of an embedding, or none for one-hot vectors", kind=int)
    tied: bool = option(False, "whether the output's matrix is the embedding's, transposed")
    bidirectional: bool = option(False, "both directions; such a model sees the tokens that it should predict")
    dropout: float = option(0.0, "probability of a zero between layers")
    initializer: str = option("uniform", "PyTorch's uniform, d2l's normal N(0, 0.01^2), or Keras's", INITIALIZERS)
    nonlinearity: str = option("tanh", "of cell rnn", ("tanh", "relu"))
    reset: str = option("after", "where the reset gate of cell gru acts", ("after", "before"))
    peepholes: bool = option(False, "peephole connections, of cell lstm")
    proj_size: int = option(0, "features of the projected state of cell lstm, 0 for none")
    dtype: str = option("float32", "of all numbers", ("float32", "float64"))
    optimizer: str = option("sgd", "the update rule", tuple(LEARNING_RATES))
    lr: float | None = option(None, "learning rate (sgd 1, adam(w) 0.001, else 0.01)", kind=float)
    warmup: int = option(0, "updates over which the learning rate rises from 0")
    clip: float | None = option(1.0, "largest gradient norm, or none", kind=float)
    epochs: int = option(500, "how often the text is read")
    batch_size: int = option(32, "sequences of a batch")
    steps: int = option(35, "time steps of a window")
    bptt_every: int | None = option(None, "k1: an update every so many steps of a window (default: all)", kind=int)
    bptt_steps: int | None = option(None, "k2: steps back that a gradient reaches (default: k1)", kind=int)
    truncation: str = option("full", f"of each gradient, within that: {FORMS}")
    sampling: str = option("sequential", "how windows follow each other", SAMPLINGS)
    evaluate_every: int = option(0, "epochs from one evaluation to the next, 0 for one at the end")
    device: str = option("cpu", "where to compute", ("cpu", "gpu"))
    tf32: bool = option(False, "float32 products of device gpu on tensor cores, with fewer digits")
    threads: int | None = option(None, "of matrix products (default: 1 where they are small, else all)", kind=int)
    seed: int = option(0, "of all random numbers")
    sample_every: int = option(0, "epochs from one sample, and curve, to the next, 0 for those at the end")
    sample_prefix: tuple[str, ...] = option((), "what the samples begin with; may be given more than once")

    def __post_init__(self) -> None:
        for entry in fields(self):
            _check_kind(entry.name, getattr(self, entry.name), entry.metadata["kind"])
            _check_choice(entry.name, getattr(self, entry.name), entry.metadata["choices"])
        for name in ("hidden", "layers", "epochs", "batch_size", "steps", *COUNTS_OR_NONE):
            _check_range(name, getattr(self, name), 1, MOST.get(name))
        for name in ("min_freq", "proj_size", "warmup", "evaluate_every", "seed", "sample_every"):
            _check_range(name, getattr(self, name), 0)
        object.__setattr__(self, "lr", float(LEARNING_RATES[self.optimizer] if self.lr is None else self.lr))
        for name in ("lr", "clip"):
            _check_positive(name, getattr(self, name))
        self._check_together()

    def _check_together(self) -> None:
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {self.dropout}")
        if self.dropout and self.layers == 1:
            raise ValueError(f"dropout acts between layers and needs layers of at least 2, got dropout {self.dropout}")
        if not self.corpus or "" in self.sample_prefix:
            raise ValueError("corpus and sample_prefix must not be empty texts")
        check_own_options(self.cell, {name: getattr(self, name) for name in CELL_OF})
        if self.tf32 and (self.device, self.dtype) != ("gpu", "float32"):
            raise ValueError(
                f"tf32 belongs to device gpu and dtype float32, got device {self.device!r} and dtype {self.dtype!r}; "
                "leave it out"
            )
        if self.proj_size >= self.hidden:
            raise ValueError(f"proj_size must be smaller than hidden = {self.hidden}, got {self.proj_size}")
        self._check_epoch()

    def _check_epoch(self) -> None:
        epoch = self.one_epoch()
        if self.bidirectional and epoch.reach > epoch.every:
            raise ValueError(
                f"bptt_steps beyond bptt_every needs a model of one direction, whose state goes from step to step, got "
                f"bptt_steps {epoch.reach} and bptt_every {epoch.every} with bidirectional True"
            )
        if isinstance(epoch.truncation, HDetach) and self.cell != "lstm":
            raise ValueError(f"truncation h-detach belongs to cell lstm, got {self.truncation!r} with cell {self.cell}")

    def one_epoch(self, rng: Seed = None) -> Epoch:
        """Returns the options of each epoch.

        Args:
            rng: of a random truncation, a seed or a Generator.
        """
        rng = generator(rng)
        return Epoch(
            batch_size=self.batch_size,
            steps=self.steps,
            sampling=self.sampling,
            clip=self.clip,
            bptt_every=self.bptt_every,
            bptt_steps=self.bptt_steps,
            truncation=read_truncation(self.truncation, rng),
        )

    def model_options(self) -> dict[str, Any]:
        """Returns the arguments of LanguageModel, but for the vocabulary and the random numbers."""
        return {name: getattr(self, RENAMED.get(name, name)) for name in MODEL_OPTIONS}

    def load_corpus(self) -> tuple[np.ndarray, Vocabulary]:
        """Returns the text as token ids (N,), and its vocabulary."""
        names = ("max_tokens", "clean", "min_freq", "max_size", "end_of_line")
        return load_corpus(self.corpus, self.token, **{name: getattr(self, name) for name in names})

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields in types that JSON has."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Returns the configuration that `to_dict` wrote.

        Args:
            content: all fields of this version.

        Raises:
            ValueError: for other fields.
        """
        names = {entry.name for entry in fields(cls)}
        if mapping("content", content).keys() | set(NEWER) != names:
            raise ValueError(
                f"a stored configuration must have the fields of this version of npseq: missing "
                f"{sorted(names - content.keys())}, unknown {sorted(content.keys() - names)}"
            )
        prefixes = content["sample_prefix"]
        prefixes = tuple(prefixes) if isinstance(prefixes, list) else prefixes  # JSON has no tuples
        return cls(**{**content, "sample_prefix": prefixes})


def make_optimizer(config: TrainingConfig) -> optim.Optimizer:
    """Returns the optimizer of a configuration, with its learning rates and otherwise PyTorch's defaults."""
    kinds: dict[str, Any] = {
        kind.__name__.lower(): kind for kind in (optim.SGD, optim.RMSprop, optim.Adam, optim.AdamW, optim.Adagrad)
    }
    lr: Any = config.lr
    return kinds[config.optimizer](lr=optim.Warmup(lr, config.warmup) if config.warmup else lr)


def _check_kind(name: str, value: Any, kind: type) -> None:
    if value is None and name in NULLABLE:
        return
    allowed = (int, float) if kind is float else kind
    texts = kind is not tuple or (isinstance(value, tuple) and all(isinstance(entry, str) for entry in value))
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool) or not texts:
        wanted = {int: "an integer", float: "a number", bool: "True or False", str: "a string"}
        raise TypeError(f"{name} must be {wanted.get(kind, 'a tuple of strings')}, got {value!r}")


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if choices and value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def _check_range(name: str, value: int | None, least: int, most: int | None = None) -> None:
    if value is not None and value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value}")
    if value is not None and most is not None and value > most:
        raise ValueError(f"{name} must be an integer of at most {most}, got {value}")


def _check_positive(name: str, value: float | None) -> None:
    if value is not None and not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name} must be a positive number, got {value}")
