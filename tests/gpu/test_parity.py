"""npseq on a real device: the numbers of the host, in float64 to 1e-12 and float32 to 1e-5 of each array's scale."""

import numpy as np
import pytest
from gpu.cell_blocks import CELLS
from gpu.test_kernels import distance
from standin.parity_checking import *  # noqa: F403
from standin.parity_checks import *  # noqa: F403
from standin.parity_graphs import *  # noqa: F403
from standin.parity_inspect import *  # noqa: F403
from standin.parity_layers import *  # noqa: F403
from standin.parity_losses import *  # noqa: F403
from standin.parity_models import *  # noqa: F403
from standin.parity_sequence_models import *  # noqa: F403
from standin.parity_series import *  # noqa: F403

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("name", CELLS)
def test_kernels_give_what_the_lines_give(device, name, dtype, tolerance):
    assert distance(name, dtype, device.xp) < tolerance
