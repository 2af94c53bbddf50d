"""One training step shared by several processes: columns of the batch, ranks and MPI."""
