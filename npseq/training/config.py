"""A configuration holds everything that determines a training run; the flags of the command line are its fields."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from inspect import cleandoc
from os import PathLike
from typing import Any, Self

import numpy as np

from npseq import optim
from npseq.arguments import DEEPEST, MANY, integer, mapping, one_of, within
from npseq.backend import Seed, generator
from npseq.bptt.truncation import HDetach
from npseq.data import Vocabulary, load_corpus
from npseq.data.corpora import TIME_MACHINE
from npseq.files import as_path
from npseq.models.cells import CELL, CELL_OF, check_own_options
from npseq.models.first_values import INITIALIZERS
from npseq.training.epoch import SAMPLINGS, Epoch
from npseq.training.truncation_spec import FORMS, read_truncation

LEARNING_RATES = {"sgd": 1.0, "rmsprop": 1e-2, "adam": 5e-3, "adamw": 5e-3, "adagrad": 1e-2}
SCHEDULES = ("constant", "cosine", "exponential")
LAST = 1 / 20  # the share of the learning rate that is left at the end of a schedule
USUAL = "usual"  # in the place of a value that depends on the text
OF_THE_NOTES: dict[str, Any] = {  # d2l, 9.5: the values for its book
    "clean": "letters", "max_tokens": 10_000, "valid": 0.0, "optimizer": "sgd", "schedule": "constant", "epochs": 500,
    "temperature": 0.0,
}  # fmt: skip
OF_ANY_TEXT: dict[str, Any] = {
    "clean": "none", "max_tokens": None, "valid": 0.1, "optimizer": "adam", "schedule": "cosine", "epochs": 0,
    "temperature": 0.5,
}  # fmt: skip
COUNTS_OR_NONE = ("max_tokens", "max_size", "embedding_size", "bptt_every", "bptt_steps", "patience", "threads")
MOST = {"num_layers": DEEPEST, "threads": 10_000, "epochs": MANY}  # what costs before anything can refuse it
NULLABLE = ("lr", "clip", "end_of_line", "weight_decay", *COUNTS_OR_NONE)
NEWER: dict[str, Any] = {  # what older runs lack, and how they were trained
    "tf32": False, "min_freq": 0, "max_size": None, "end_of_line": None, "warmup": 0, "sample_every": 0, "tied": False,
    "compiled": False, "valid": 0.0, "patience": None, "schedule": "constant", "weight_decay": None, "temperature": 0.0,
}  # fmt: skip
MODEL_OPTIONS = (
    "cell", "hidden_size", "num_layers", "embedding_size", "tied", "bidirectional", "dropout", "initializer",
    "nonlinearity", "reset", "peepholes", "proj_size", "dtype",
)  # fmt: skip
EARLIER = {"hidden": "hidden_size", "layers": "num_layers", "embedding": "embedding_size"}  # names of older runs


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
    """The options of a run.

    The corpus is "python-topics", "time-machine" or the path of a text file, as `load_corpus` takes it. A text is
    learnt whole and as it is, but for a tenth at its end that is held out. "time-machine" has the defaults of d2l, 9.5:
    10,000 letters and spaces, of which none are held out, SGD and 500 epochs. A pathlib.Path is kept as an absolute
    path. `Epoch` says more of sampling, bptt_every and bptt_steps.

    Raises:
        TypeError: for a value of another type, naming the field.
        ValueError: for an impossible value, naming the field.

    Example:
        >>> ns.training.TrainingConfig(cell="gru", optimizer="rmsprop").lr
        0.01
    """

    corpus: str | PathLike[str] = option("python-topics", "the text to learn", kind=str)  # noqa: RUF009
    token: str = option("char", "what the text is made of", ("char", "word", "jieba"))
    clean: str = option(USUAL, "none: all as it is, letters: a-z as in d2l.ai", ("letters", "none"))
    max_tokens: int | None = option(USUAL, "learn only the first N, none: all", kind=int)
    valid: float | str | PathLike[str] = option(USUAL, "held out: a file, or a share, 0: none", kind=object)  # noqa: RUF009
    min_freq: int = option(0, "rarer tokens are unknown")
    max_size: int | None = option(None, "the most tokens of the vocabulary (default: all)", kind=int)
    end_of_line: str | None = option(None, "a token behind each line, say <eos> (default: none)", kind=str)
    cell: str = option(CELL, "the recurrent layers", ("rnn", "gru", "lstm"))
    hidden_size: int = option(256, "hidden units of a layer")
    num_layers: int = option(1, "how many layers")
    embedding_size: int | None = option(None, "features of an embedding, or none for one-hot vectors", kind=int)
    tied: bool = option(False, "whether the output's matrix is the embedding's, transposed")
    bidirectional: bool = option(False, "both directions; such a model sees the tokens that it should predict")
    dropout: float = option(0.0, "probability of a zero between layers")
    initializer: str = option("uniform", "PyTorch's uniform, d2l's normal N(0, 0.01^2), or Keras's", INITIALIZERS)
    nonlinearity: str = option("tanh", "of cell rnn", ("tanh", "relu"))
    reset: str = option("after", "where the reset gate of cell gru acts", ("after", "before"))
    peepholes: bool = option(False, "peephole connections, of cell lstm")
    proj_size: int = option(0, "features of the projected state of cell lstm, 0 for none")
    dtype: str = option("float32", "of all numbers", ("float32", "float64"))
    optimizer: str = option(USUAL, "the update rule", tuple(LEARNING_RATES))
    lr: float | None = option(None, "learning rate (sgd 1, adam(w) 0.005, else 0.01)", kind=float)
    schedule: str = option(USUAL, "how the learning rate falls over the run, to a twentieth", SCHEDULES)
    warmup: int = option(0, "updates over which the learning rate rises from 0")
    weight_decay: float | None = option(None, "of the update rule (adamw 0.01, else 0)", kind=float)
    clip: float | None = option(1.0, "largest gradient norm, or none", kind=float)
    epochs: int = option(USUAL, "how often it is read, 0: by its length", kind=int)
    patience: int | None = option(None, "stop after N epochs without a better held-out one", kind=int)
    batch_size: int = option(32, "sequences of a batch")
    steps: int = option(35, "time steps of a window")
    bptt_every: int | None = option(None, "k1: an update every so many steps of a window (default: all)", kind=int)
    bptt_steps: int | None = option(None, "k2: steps back that a gradient reaches (default: k1)", kind=int)
    truncation: str = option("full", f"of each gradient, within that: {FORMS}")
    sampling: str = option("sequential", "how windows follow each other", SAMPLINGS)
    evaluate_every: int = option(0, "epochs from one evaluation to the next, 0 for one at the end")
    device: str = option("cpu", "where to compute", ("cpu", "gpu"))
    tf32: bool = option(False, "float32 products of device gpu on tensor cores, with fewer digits")
    compiled: bool = option(False, "steps on a CPU in compiled loops; needs Numba")
    threads: int | None = option(None, "of matrix products (default: all where they are large, else 1)", kind=int)
    seed: int = option(0, "of all random numbers")
    sample_every: int = option(0, "epochs from one sample, and curve, to the next, 0 for those at the end")
    sample_prefix: tuple[str, ...] = option((), "what the samples begin with; may be given more than once")
    temperature: float = option(USUAL, "of the samples, 0: the likeliest tokens", kind=float)

    def __post_init__(self) -> None:
        if isinstance(self.corpus, PathLike):
            object.__setattr__(self, "corpus", str(as_path(self.corpus, "corpus").absolute()))
        usual = OF_THE_NOTES if self.corpus == TIME_MACHINE else OF_ANY_TEXT
        for name, value in usual.items():
            if isinstance(given := getattr(self, name), str) and given == USUAL:
                object.__setattr__(self, name, value)
        object.__setattr__(self, "valid", held_out(self.valid))
        for entry in fields(self):
            _check_kind(entry.name, getattr(self, entry.name), entry.metadata["kind"])
            if entry.metadata["choices"]:
                one_of(entry.name, getattr(self, entry.name), entry.metadata["choices"])
        for name in ("hidden_size", "num_layers", "batch_size", "steps", *COUNTS_OR_NONE):
            _check_range(name, getattr(self, name), 1, MOST.get(name))
        for name in ("epochs", "min_freq", "proj_size", "warmup", "evaluate_every", "seed", "sample_every"):
            _check_range(name, getattr(self, name), 0, MOST.get(name))
        object.__setattr__(self, "lr", float(LEARNING_RATES[self.optimizer] if self.lr is None else self.lr))
        for name in ("lr", "clip"):
            _check_positive(name, getattr(self, name))
        for name in ("weight_decay", "temperature"):
            if getattr(self, name) is not None:
                within(name, getattr(self, name))
        self._check_together()

    def _check_together(self) -> None:
        if self.patience is not None and self.valid == 0:
            raise ValueError(f"patience needs a held-out text, got patience {self.patience} and valid 0; leave it out")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {self.dropout}")
        if self.dropout and self.num_layers == 1:
            raise ValueError(f"dropout acts between layers and needs num_layers above 1, got dropout {self.dropout}")
        if not self.corpus or "" in self.sample_prefix:
            raise ValueError("corpus and sample_prefix must not be empty texts")
        check_own_options(self.cell, {name: getattr(self, name) for name in CELL_OF if name in MODEL_OPTIONS})
        if self.tf32 and (self.device, self.dtype) != ("gpu", "float32"):
            raise ValueError(f"tf32 belongs to device gpu and dtype float32, got {self.device!r} and {self.dtype!r}")
        if self.compiled and self.device != "cpu":
            raise ValueError(f"compiled belongs to device cpu, got {self.device!r}; leave it out")
        if self.proj_size >= self.hidden_size:
            raise ValueError(f"proj_size must be smaller than hidden_size = {self.hidden_size}, got {self.proj_size}")
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
        return {name: getattr(self, name) for name in MODEL_OPTIONS}

    def load_corpus(self) -> tuple[np.ndarray, Vocabulary]:
        """Returns the text as token ids (N,), of the fewest bytes, and its vocabulary; what is held out is its end."""
        names = ("max_tokens", "clean", "min_freq", "max_size", "end_of_line")
        return load_corpus(self.corpus, self.token, **{name: getattr(self, name) for name in names}, dtype=None)

    def updates(self, tokens: int) -> int:
        """Returns the most updates of an epoch.

        Args:
            tokens: how many are learnt.
        """
        return (
            (integer("tokens", tokens) - 1) // (self.batch_size * self.steps) * (self.steps // self.one_epoch().every)
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields in types that JSON has."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Returns the configuration that `to_dict` wrote.

        Args:
            content: all fields of this version, or of an older one.

        Raises:
            ValueError: for other fields.
        """
        names = {entry.name for entry in fields(cls)}
        content = {EARLIER.get(name, name): value for name, value in mapping("content", content).items()}
        if content.keys() | NEWER.keys() != names:
            raise ValueError(
                f"a stored configuration must have the fields of this version of npseq: missing "
                f"{sorted(names - content.keys())!s:.400}, unknown {sorted(content.keys() - names)!s:.400}"
            )
        prefixes = content["sample_prefix"]
        prefixes = tuple(prefixes) if isinstance(prefixes, list) else prefixes  # JSON has no tuples
        return cls(**{**NEWER, **content, "sample_prefix": prefixes})


def make_optimizer(config: TrainingConfig, updates: int | None = None) -> optim.Optimizer:
    """Returns the optimizer of a configuration, with its learning rates and otherwise PyTorch's defaults.

    updates: of the whole run, over which a schedule falls; None takes the constant rate.
    """
    kinds: dict[str, Any] = {
        kind.__name__.lower(): kind for kind in (optim.SGD, optim.RMSprop, optim.Adam, optim.AdamW, optim.Adagrad)
    }
    lr: Any = config.lr
    falling = max(1, (updates or 0) - config.warmup)
    if updates is not None and config.schedule == "cosine":
        lr = optim.Cosine(lr, falling, LAST * lr)
    elif updates is not None and config.schedule == "exponential":
        lr = optim.Exponential(lr, LAST ** (1 / falling), least=LAST * lr)
    decay = {} if config.weight_decay is None else {"weight_decay": config.weight_decay}
    optimizer: optim.Optimizer = kinds[config.optimizer](
        lr=optim.Warmup(lr, config.warmup) if config.warmup else lr, **decay
    )
    return optimizer


def held_out(valid: Any) -> Any:
    """Returns what is held out: a share in [0, 1), or the path of a file. Raises TypeError or ValueError."""
    if valid is None or (isinstance(valid, str) and valid == "none"):
        return 0.0
    if isinstance(valid, bool) or not isinstance(valid, int | float | str | PathLike):
        raise TypeError(f"valid must be a share of the text, or the path of a text file, got {valid!r}")
    try:
        share = float(valid)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        path = as_path(valid, "valid")
        return str(path.absolute() if isinstance(valid, PathLike) else path)
    if not 0 <= share < 1:
        raise ValueError(f"valid must be a share of at least 0 and below 1, or the path of a text file, got {valid!r}")
    return share


def _check_kind(name: str, value: Any, kind: type) -> None:
    if (value is None and name in NULLABLE) or kind is object:
        return
    allowed = (int, float) if kind is float else kind
    texts = kind is not tuple or (isinstance(value, tuple) and all(isinstance(entry, str) for entry in value))
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool) or not texts:
        wanted = {int: "an integer", float: "a number", bool: "True or False", str: "a string"}
        raise TypeError(f"{name} must be {wanted.get(kind, 'a tuple of strings')}, got {value!r:.80}")


def _check_range(name: str, value: int | None, least: int, most: int | None = None) -> None:
    if value is not None and value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value}")
    if value is not None and most is not None and value > most:
        raise ValueError(f"{name} must be an integer of at most {most}, got {value}")


def _check_positive(name: str, value: float | None) -> None:
    if value is not None and not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name} must be a positive number, got {value}")
