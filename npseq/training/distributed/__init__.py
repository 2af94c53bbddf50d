"""This package shares a training step among several processes: columns of the batch, ranks and MPI."""
