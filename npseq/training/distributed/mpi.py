"""This module makes a Communicator of the processes that an MPI launcher started, `mpiexec -n 4 npseq train ...`.

npseq recognises a launcher by the environment that it sets; without one, mpi4py is not even imported. With another
launcher, use `npseq train --mpi`.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

# MPICH, Intel MPI and Slurm's pmi2; Open MPI; MVAPICH
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")


def launched_size(environment: Mapping[str, str] | None = None) -> int | None:
    """Returns how many processes an MPI launcher started, by its environment; None without a known launcher."""
    environment = os.environ if environment is None else environment
    for name in SIZES:
        if environment.get(name, "").isdigit():
            return int(environment[name])
    return None


def join_launched(mpi: bool = False) -> "MPICommunicator | None":
    """Returns the communicator of all processes that a launcher started; None for a single process.

    mpi: ask MPI itself, whatever the environment says. Raises ImportError if mpi4py or its library is missing,
    RuntimeError if MPI sees other processes than the launcher started.
    """
    size = launched_size()
    if not mpi and size in (None, 1):
        return None
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # RuntimeError: mpi4py is there, the MPI library is not
        raise ImportError(
            f"training in {size or 'several'} processes that find each other by MPI needs mpi4py and an MPI library "
            f"({error}); install both with: pip install 'npseq[mpi]'"
        ) from error
    found = MPI.COMM_WORLD.Get_size()
    if size is not None and found != size:
        raise RuntimeError(
            f"mpiexec and the MPI library must be of one installation: mpiexec started {size} processes, the library "
            f"sees {found}; take the mpiexec that stands beside this python, {os.path.dirname(sys.executable)}"
        )
    return MPICommunicator(MPI) if found > 1 else None


class MPICommunicator:
    """A Communicator over MPI.COMM_WORLD, which sends plain buffers and no pickle."""

    def __init__(self, mpi: Any):
        self._mpi, self._world = mpi, mpi.COMM_WORLD
        self.rank, self.size = self._world.Get_rank(), self._world.Get_size()
        shared = self._world.Split_type(mpi.COMM_TYPE_SHARED)
        self.local_rank, self.local_size = shared.Get_rank(), shared.Get_size()
        shared.Free()

    def add(self, array: np.ndarray) -> None:
        self._world.Allreduce(self._mpi.IN_PLACE, array)

    def broadcast(self, payload: bytes) -> bytes:
        length = np.array([len(payload)], np.int64)
        self._world.Bcast(length)
        content = np.frombuffer(bytearray(payload) if self.rank == 0 else bytearray(int(length[0])), np.uint8)
        self._world.Bcast(content)
        return content.tobytes()

    def least(self, value: int) -> int:
        result = np.array([value], np.int64)
        self._world.Allreduce(self._mpi.IN_PLACE, result, self._mpi.MIN)
        return int(result[0])

    def stop(self, status: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._world.Abort(status)
