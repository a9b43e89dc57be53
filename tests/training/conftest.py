"""Data that the fits of this folder share."""

import pytest
import torch
from tests.training.small import people, pictures

from latentarium.data import open_source, rows_from_arrays
from latentarium.data.rows import Rows


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> Rows:
    return open_source("digits")


@pytest.fixture(scope="session")
def squares() -> Rows:
    return rows_from_arrays(pictures(200))


@pytest.fixture(scope="session")
def table() -> Rows:
    return rows_from_arrays(people(), name="people")
