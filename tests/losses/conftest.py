import numpy as np
import pytest
from losses.cases import B, T, V


@pytest.fixture
def logits():
    return 3 * np.random.default_rng(0).normal(size=(T, B, V))


@pytest.fixture
def targets():
    return np.random.default_rng(1).integers(0, V, (T, B))


@pytest.fixture
def weights():
    return np.random.default_rng(2).uniform(0, 2, (T, B)) * [[1], [0], [1], [1]]
