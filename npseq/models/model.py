"""What all models share: layers by name, their parameters in one vector, a training step, a file of parameters."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from math import inf
from os import PathLike
from typing import Any

import numpy as np

from npseq.backend import Array, array_module, to_host
from npseq.bptt.workspace import Workspace
from npseq.clipping import check_limit, clip_grad_norm
from npseq.files import VERSION, Content, read_content, write_content
from npseq.layers.batch import check_kind
from npseq.layers.bidirectional import check_cut, check_whole_tape
from npseq.layers.composite import Composite
from npseq.models.threads import FewThreads
from npseq.optim.optimizer import check_optimizer
from npseq.parameters import Parameters
from npseq.protocols import OptimizerLike

FORMAT = "npseq parameters"


class Model(Composite):
    """Layers, or models, each of which is an attribute of its name as well.

    params: every layer's parameters in one flat vector, named "layer.name"; the layers are views of it.
    """

    _buffers: Any = None  # what the last training step left to be written over by the next
    _graphed: Any = None  # its CUDA graph
    _few: FewThreads | None = None  # limits the threads of a step
    _compiled: Any = None  # its compiled step

    def _bind(self, params: Parameters) -> None:
        super()._bind(params)
        self._buffers = self._graphed = self._compiled = None
        self.__dict__.update(self.layers)

    def __getstate__(self) -> dict[str, Any]:
        own = ("_buffers", "_graphed", "_compiled", "_few")
        return {name: value for name, value in self.__dict__.items() if name not in own}

    def _begin(
        self, tape: Any, kind: type, grads: Parameters | None, workspace: Workspace | None, truncation: Any = None
    ) -> tuple[Parameters, dict[str, dict[str, Any]]]:
        """What a backward pass begins with: tape and truncation are checked, then `_gradients` returns its buffers."""
        check_kind(tape, kind)
        if recurrent := self.layers.get("recurrent"):
            check_cut(truncation, recurrent, check_whole_tape(tape.recurrent, recurrent)[0])
        return self._gradients(grads, workspace)

    def loss(self, *batch: Any, **options: Any) -> tuple[Array, Parameters]:
        """Returns the loss of a batch, and its gradients by every parameter.

        Args:
            batch, options: as the model's own class says.
        """
        raise NotImplementedError

    def step(
        self, *batch: Any, optimizer: OptimizerLike, clip: float | None = None, **options: Any
    ) -> tuple[Array, Any, Any]:
        """Runs one training step, dropout acting, and returns (loss, gradient norm before clipping, None).

        It writes params. None is in the place of the state that a LanguageModel carries. Small products are made on one
        thread.

        Args:
            batch: the arguments of `loss`.
            optimizer: one of ns.optim, or anything with a step(params, grads).
            clip: the largest gradient norm over all parameters; None does not clip.
            options: the keyword arguments of `loss`.

        Raises:
            TypeError, ValueError: before anything is drawn or written, if an argument does not fit.
        """
        check_optimizer(optimizer, self.params)
        if clip is not None:
            check_limit("clip", clip)
        with self._on_few_threads(batch[0] if batch else None):
            loss, grads = self._training_loss(*batch, **options)
            norm = clip_grad_norm(grads, inf if clip is None else clip)
            optimizer.step(self.params, grads)
        return loss, norm, None

    def _on_few_threads(self, batch: Any) -> AbstractContextManager[None]:
        """The context of a step over a batch, whose second axis is that of the sequences."""
        if self._few is None:
            self._few = FewThreads(
                self.layers.get("recurrent") or getattr(self.layers.get("encoder"), "recurrent", None)
            )
        return self._few(batch)

    def _training_loss(self, *batch: Any, **options: Any) -> tuple[Array, Parameters]:
        """As `loss`, with dropout; the gradients may be the model's own buffers."""
        return self.loss(*batch, training=True, **options)

    def check_finite(self) -> None:
        """Raises ValueError if a parameter is nan or infinite, from which nothing can be predicted."""
        xp = array_module(self.params.flat)
        if not xp.isfinite(self.params.flat).all():
            name = next(name for name, value in self.params.items() if not xp.isfinite(value).all())
            raise ValueError(
                f"the model's parameters must be finite, {name!r} holds nan or infinity; load a model that was saved "
                "before, or train again with a smaller lr"
            )

    def save_params(self, path: str | PathLike[str]) -> None:
        """Writes the parameters as one safetensors file; what built the model, and vocabularies, are not in it.

        For a model that code builds again, say of a cell of one's own; where a model has `save`, that writes it whole.

        Args:
            path: of the file, or a link to it; one of npseq's that was there is replaced as a whole.

        Raises:
            OSError: if it cannot be written, or a file is there that npseq did not write.
            ValueError: for complex128, which safetensors files do not have.
        """
        params = self.params.like(to_host(self.params.flat))
        write_content(Content(dict(params), {"format": FORMAT, "version": VERSION, "model": repr(self)}), path)

    def load_params(self, path: str | PathLike[str]) -> None:
        """Writes over the parameters with those that `save_params` of a model built the same way wrote, bit for bit.

        Args:
            path: of the file.

        Raises:
            FileNotFoundError: if there is no file.
            ValueError: if it is damaged, its names, shapes or dtypes are not those of the model, or it is of a model
                with other options, such as an activation; the model then is as it was.
        """
        content = read_content(path, FORMAT)
        try:
            if (written := content.metadata.get("model")) != repr(self):
                check_params(self.params, content.tensors)
                raise ValueError("its options are others")
            set_params(self.params, content.tensors)
        except ValueError as error:
            raise ValueError(
                f"{str(path)!r} must hold the parameters of {self}, it holds those of {written}: "
                f"{error}; build the model as it was when it was saved"
            ) from error

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={layer}" for name, layer in self.layers.items())
        return f"{type(self).__name__}({inner})"


def check_params(params: Parameters, given: Mapping[str, np.ndarray]) -> None:
    """Raises ValueError if the names, shapes or dtypes of host arrays are not those of the parameters."""
    held, wanted = ({n: (a.shape, np.dtype(a.dtype).name) for n, a in x.items()} for x in (given, params))
    if held != wanted:
        apart = [sorted(a.items() - b.items())[:3] for a, b in ((wanted, held), (held, wanted))]
        raise ValueError(f"its parameters must be {apart[0]} first, they are {apart[1]}")


def set_params(params: Parameters, given: Mapping[str, np.ndarray]) -> None:
    """Writes host arrays over parameters. Raises ValueError if names, shapes or dtypes differ, before it writes."""
    check_params(params, given)
    xp = array_module(params.flat)
    for name, array in given.items():
        params[name] = xp.asarray(array)
