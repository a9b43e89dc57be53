"""`import latentarium` is instant and brings no framework."""

import json
import subprocess
import sys

MEASURE = """
import json, sys, time
import numpy
start = time.perf_counter()
import latentarium
seconds = time.perf_counter() - start
heavy = ["torch", "sklearn", "matplotlib", "scipy", "pandas", "pyarrow", "PIL", "openTSNE", "onnx", "onnxruntime"]
print(json.dumps({"seconds": seconds, "loaded": [name for name in heavy if name in sys.modules]}))
"""


def fresh_import() -> dict[str, object]:
    result = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


def test_importing_is_instant_and_loads_no_framework() -> None:
    runs = [fresh_import() for _ in range(5)]
    assert [run["loaded"] for run in runs] == [[]] * 5
    best = min(float(str(run["seconds"])) for run in runs)
    assert best < 0.15, f"import latentarium takes {best:.3f} s beyond numpy"
