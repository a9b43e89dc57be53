"""What commands print."""

import json
import math

import pytest

from latentarium.cli.output import emit


def test_what_json_has_no_number_for_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"psnr": math.inf, "all": {"scores": [1.5, (math.nan, -math.inf)]}, "n": 3}, as_json=True)
    out = capsys.readouterr().out
    assert "Infinity" not in out
    assert json.loads(out) == {"psnr": None, "all": {"scores": [1.5, [None, None]]}, "n": 3}
