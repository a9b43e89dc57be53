import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(scope="session")
def blobs() -> NDArray[np.float32]:
    """24,000 codes of 8 dimensions in 12 groups: enough for cells and for a coarse map."""
    random = np.random.default_rng(0)
    centres = random.normal(0, 3, (12, 8))
    return (centres[np.arange(24_000) % 12] + random.standard_normal((24_000, 8))).astype(np.float32)
