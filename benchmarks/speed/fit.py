"""Seconds until the validation bound reaches 245 nats on Fashion-MNIST, against pythae and a hand-written loop.

Every contender runs in its own process, in turn, for several rounds; medians are reported. The first round tries
each peer's settings and later rounds run the best of them. Then the loop's own overhead: rows per second of a fit
over those of a bare loop with the same network and precision.
"""

import argparse
import json
import subprocess
import sys
from typing import Any

from benchmarks.common import median, save_result
from benchmarks.speed.overhead import overhead

PEERS = {
    "pythae MLP": ["pythae-mlp-64-0.0001", *(f"pythae-mlp-{batch}-0.001" for batch in (64, 128, 256))],
    "pythae conv": ["pythae-conv-128-0.001"],
    "plain loop": [f"plain-{batch}-{rate}" for batch, rate in ((128, 1e-3), (256, 2e-3))],
}


def contend(name: str, *, cap: float, steps: int) -> dict[str, Any]:
    """One run of a contender; infinite seconds when it needs more than `cap`."""
    command = [sys.executable, "-m", "benchmarks.speed.contenders", name, "--steps", str(steps), "--cap", str(cap)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    shown = f"more than {cap:.0f} s" if result["seconds"] == float("inf") else f"{result['seconds']:.1f} s"
    print(f"  {name:24s} {shown:>16s}  test {result.get('test', float('nan')):.2f}", flush=True)
    return result


def race(rounds: int, cap: float, steps: int) -> dict[str, Any]:
    """All contenders, `rounds` times; the peers' best settings are kept after the first."""
    runs: dict[str, list[dict[str, Any]]] = {"latentarium": []}
    chosen: dict[str, str] = {}
    for turn in range(rounds):
        print(f"round {turn + 1}", flush=True)
        runs["latentarium"].append(contend("latentarium", cap=cap, steps=steps))
        for peer, candidates in PEERS.items():
            tried = [chosen[peer]] if peer in chosen else candidates
            results = {name: contend(name, cap=cap, steps=steps) for name in tried}
            chosen[peer] = min(results, key=lambda name: (results[name]["seconds"], results[name]["validation"]))
            runs.setdefault(peer, []).append(results[chosen[peer]])
    return {"settings": chosen, "runs": runs}


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Median seconds of each contender and the ratios to ours."""
    seconds = {name: median([run["seconds"] for run in runs]) for name, runs in found["runs"].items()}
    ours = seconds["latentarium"]
    best = min(seconds["pythae MLP"], seconds["pythae conv"])
    return {
        "median_seconds": {k: (None if v == float("inf") else round(v, 2)) for k, v in seconds.items()},
        "times_faster_than_pythae": round(best / ours, 2),
        "times_faster_than_plain_loop": round(seconds["plain loop"] / ours, 2),
        "test_negative_elbo": {k: runs[-1].get("test") for k, runs in found["runs"].items()},
        "settings": found["settings"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cap", type=float, default=150.0, help="seconds after which a contender is given up")
    parser.add_argument("--steps", type=int, default=300, help="our schedule")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/fit.json")
    given = parser.parse_args()
    value = summary(race(given.rounds, given.cap, given.steps))
    value["overhead"] = overhead()
    print(json.dumps(value, indent=2))
    if given.save:
        save_result("fit", f"make bench-fit ARGS='--rounds {given.rounds} --steps {given.steps} --save'", value)


if __name__ == "__main__":
    main()
