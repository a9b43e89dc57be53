"""Write docs/reference/measures.md from the suite and the docstrings of its measures.

With --check nothing is written, and the exit status is 1 where the page is stale.
"""

import inspect
import re
import sys
from pathlib import Path

from latentarium import measures
from made import write_or_check

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "measures.md"
HEAD = """# Measures

`latentarium measure BUNDLE`, or `la.measure(space, x, labels=.., factors=.., reference=..)` in Python. What a space or
its rows cannot do is skipped, with the reason. A score has `value`, `interval` (95 %), `resampling` (how the interval
came about), `n`, `direction`, `unit`, `range`, `chance`, `parts`, `settings`, `meaning` and `misleads`; a score of
samples also has the same score between two draws of real rows, as `settings["real_against_real"]`. Each measure is also
a function of its own in `latentarium.measures`, of plain arrays or of a space, whose docstring has the definition and
its source.

`--nulls 99`, or `la.measure(.., nulls=99)`, takes every score that relates codes to labels or factors 99 times more,
with whole rows of these in another order: `p_value` is the share of all orders, the true one counted, that score at
least as well (Phipson & Smyth 2010), so that 99 shuffles can show 0.01 and no less, `chance` the mean of the shuffles
and `permutations` their number. Some of these scores take seconds each; the progress bar says what a shuffle costs.

`--features codes` compares samples with real rows in the codes of the space itself instead of in 64 principal
components of the data, `--features OTHER` in the codes of another bundle of the same kind of data; in Python
`features="codes"`, or any function of rows. `settings["features"]` names them. An encoder sees in samples only what it
keeps of data, and the space's own flatters the space.

Three scores hold one factor and look at what stays put: `factor_vae_score`, `beta_vae_score` and `irs`. For bundles of
sprites and scene (in Python with `source=`) their batches are rendered with the factor fixed, true interventions; else
they are rows that happen to share a level. `settings["batches"]` says which.

`--only NAME` computes some of them; measures.json and the report then hold just these. `latentarium compare A B` puts
two sheets side by side and says which differences are more than chance. What a sheet says in words under "Troubles"
are rules over these scores, with their thresholds, in `latentarium.measures.findings`.
"""
SEVERAL = """
## Several fits

What one sheet cannot say: do fits of the same rows that differ by their seed find the same latent dimensions?
`latentarium compare A B C ..` prints both scores for three bundles or more.

| name | needs | what it is |
| --- | --- | --- |
"""
TAIL = """
```python
import latentarium as la
from latentarium.measures import stability, udr_of_spaces

fits = [la.fit("digits", latent=4, steps=20, width=32, seed=seed, progress=False) for seed in range(3)]
x = la.open_source("digits").array("test")
print(udr_of_spaces(fits, x).value, stability([fit.encode(x) for fit in fits]).value)
```

## Maps

Maps have measures of their own, printed by `latentarium map`: trustworthiness (map neighbours that are true neighbours,
Venna & Kaski 2001), continuity (true neighbours that stay near) and neighbour recall, each from 0 to 1.

## In Python

```python
bundle = la.open_bundle("space")
scores = la.measure(bundle.space, bundle.modality.to_array(bundle.kept), only=["psnr", "rate"])
print(scores.frame())
```

This page is made by `python scripts/make_measure_docs.py`.
"""


def render() -> str:
    """The page as Markdown."""
    several = "".join(_row(name, ["encode"]) for name in ("udr", "udr_of_spaces", "stability"))
    return HEAD + "".join(_family(family) for family in measures.FAMILIES) + SEVERAL + several + TAIL


def _family(family: measures.Family) -> str:
    rows = "".join(_row(entry.name, sorted(entry.needs)) for entry in family.entries)
    return f"\n## {family.title}\n\n{family.about}\n\n| name | needs | what it is |\n| --- | --- | --- |\n{rows}"


def _row(name: str, needs: list[str]) -> str:
    words = inspect.getdoc(getattr(measures, name)) or ""
    first = re.sub(r"\s+", " ", words.split("\n\n")[0]).replace("|", "\\|").rstrip(".")
    return f"| `{name}` | {', '.join(needs)} | {first} |\n"


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, render()))
