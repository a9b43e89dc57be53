"""Golden JSON: structure exactly, numbers to two per cent, what depends on the machine by type alone.

LATENTARIUM_REFRESH=1 writes the files anew.
"""

import json
import math
import os
from pathlib import Path
from typing import Any

EXPECTED = Path(__file__).parent / "expected"
VOLATILE = frozenset(
    {"seconds", "versions", "files", "checksum", "onnx_error", "threads", "torch_threads", "device", "detail"}
)
TOLERANCE = 0.02


def check_golden(name: str, value: Any, *, places: dict[str, str]) -> None:
    """Compare `value` with expected/NAME.json; `places` maps paths of this run to stable words."""
    path = EXPECTED / f"{name}.json"
    shown = _stable(value, places)
    if os.environ.get("LATENTARIUM_REFRESH") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(shown, indent=1, sort_keys=True) + "\n")
    differences = list(_differences(json.loads(path.read_text()), shown, name))
    assert not differences, "\n".join(differences)


def _stable(value: Any, places: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {k: _kinds(v) if k in VOLATILE else _stable(v, places) for k, v in value.items()}
    if isinstance(value, list):
        return [_stable(v, places) for v in value]
    if isinstance(value, str):
        for place, word in places.items():
            value = value.replace(place, word)
        return value
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _kinds(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _kinds(v) for k, v in value.items()}
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _differences(expected: Any, actual: Any, at: str) -> Any:
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in expected.keys() ^ actual.keys():
            yield f"{at}.{key}: {'missing' if key in expected else 'new'}"
        for key in expected.keys() & actual.keys():
            yield from _differences(expected[key], actual[key], f"{at}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for i, (a, b) in enumerate(zip(expected, actual, strict=True)):
            yield from _differences(a, b, f"{at}[{i}]")
    elif isinstance(expected, float) and isinstance(actual, float):
        if not math.isclose(expected, actual, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            yield f"{at}: {expected} expected, got {actual}"
    elif expected != actual or type(expected) is not type(actual):
        yield f"{at}: {expected!r} expected, got {actual!r}"
