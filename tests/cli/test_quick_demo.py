"""`demo --quick`: a space that comes with the package, measured and drawn at once."""

import time
from pathlib import Path

from tests.cli.conftest import Run


def test_the_quick_demo_shows_a_space_in_seconds(run: Run, tmp_path: Path) -> None:
    began = time.perf_counter()
    result = run("demo", "--quick", "--no-serve", "--json", "-o", tmp_path / "quick")
    assert result.status == 0, result.err
    assert {"psnr", "coverage"} <= set(result.json["scores"])
    assert (tmp_path / "quick" / "report.html").stat().st_size > 10_000
    # seconds on a free machine
    assert time.perf_counter() - began < 60


def test_an_unknown_space_is_refused_in_a_line(run: Run, tmp_path: Path) -> None:
    result = run("demo", "--quick", "--name", "faces", "--no-serve", "-o", tmp_path / "quick")
    assert result.status == 2
    assert "the shipped space must be one of" in result.err
    assert result.err.count("\n") == 1
    assert not (tmp_path / "quick").exists()
