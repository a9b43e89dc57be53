"""Two hundred clients at once, for a moment; `python -m benchmarks.explorer.load` keeps it up for a minute."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from benchmarks.explorer.load import run

from latentarium.bundle import Bundle

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("page")]


def test_two_hundred_clients_are_all_answered(fashion: Bundle) -> None:
    with ThreadPoolExecutor(1) as pool:
        # tests of the browser leave a running loop in this thread
        load = pool.submit(run, fashion, clients=200, seconds=5).result()
    assert load.errors == []
    assert len(load.latencies) >= 200
    assert load.facts()["p50_ms"] <= load.facts()["p99_ms"]
