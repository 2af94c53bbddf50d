"""npseq on a real device: the numbers of the host, in float64 to 1e-12 and float32 to 1e-5 of each array's scale."""

import pytest
from standin.parity_checking import *  # noqa: F403
from standin.parity_checks import *  # noqa: F403
from standin.parity_inspect import *  # noqa: F403
from standin.parity_layers import *  # noqa: F403
from standin.parity_losses import *  # noqa: F403
from standin.parity_models import *  # noqa: F403
from standin.parity_sequence_models import *  # noqa: F403
from standin.parity_series import *  # noqa: F403

pytestmark = pytest.mark.gpu
