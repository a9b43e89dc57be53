import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "check_sizes.py"

LONG = "def long():\n" + "    x = 1\n" * 41
COMMENTED = 'def fine():\n    """Doc.\n\n    More.\n    """\n' + "    x = 1\n    # why\n\n" * 40
WIDE = "def wide(a, b, c, d, e, f, g, h): ...\n"
METHOD = "class A:\n    def fine(self, a, b, c, d, e, f, *, g): ...\n"
DEEP = (
    "def deep():\n    if 1:\n        for _ in x:\n            with y:\n                if 2:\n                    z()\n"
)
ESTIMATOR = "class A(BaseEstimator):\n    def __init__(self, a, b, c, d, e, f, g, h): ...\n"
ELIFS = "def flat():\n if 1:\n  a()\n elif 2:\n  b()\n elif 3:\n  c()\n elif 4:\n  d()\n"


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), str(folder)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        (LONG, "1: long has 41 body lines, at most 40"),
        (ESTIMATOR.replace("BaseEstimator", "B"), "2: __init__ has 8 arguments, at most 7"),
        (WIDE, "1: wide has 8 arguments, at most 7"),
        (DEEP, "1: deep has 4 nested blocks, at most 3"),
        ("x = 1\n" * 401, "401 lines, at most 400"),
    ],
)
def test_offenders_are_named(tmp_path: Path, source: str, finding: str) -> None:
    (tmp_path / "module.py").write_text(source)
    result = run(tmp_path)
    assert result.returncode == 1
    assert finding in result.stdout


@pytest.mark.parametrize("source", [COMMENTED, METHOD, ELIFS, ESTIMATOR])
def test_what_the_rules_allow_passes(tmp_path: Path, source: str) -> None:
    (tmp_path / "module.py").write_text(source)
    assert run(tmp_path).returncode == 0


def test_command_line_verbs_may_have_many_options(tmp_path: Path) -> None:
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "verbs.py").write_text(WIDE)
    assert run(tmp_path).returncode == 0


def test_nothing_to_check_is_no_success(tmp_path: Path) -> None:
    assert run(tmp_path / "absent").returncode == 2
