"""Every verb of the command line on models from elsewhere: it works, or says in one line what the model lacks."""

import json
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import Run
from tests.cli.test_every_verb import LINES, WITH_BUNDLE
from tests.cli.test_import import digits_pca
from tests.contract.foreign import keras_vae, onnx_graph

IMPORTS = {
    "keras": "encoder.keras decoder.keras --data digits",
    "pca": "pca.npz --shape 8,8 --data digits",
    "decoder": "dec.onnx --values -1,1",
}
ROWS = {"keras": (70, 8, 8), "pca": (70, 8, 8), "decoder": (70, 3, 8, 8)}
MORE = {
    "compress without loss": "compress space rows.npy -o new.lsc --mode bits-back",
    "compress plain": "compress space rows.npy -o new.parquet --mode plain",
    "search new rows": "search space rows.npy -o new.png",
}
# explore goes on until it is stopped
CALLS = {verb: LINES[verb] for verb in WITH_BUNDLE if verb != "explore"} | MORE
NO_CODEC = "cannot compress without loss: it is not a VAE of this package"
NO_ENCODER = "'dec' cannot encode: it has no encode_fn"
REFUSED = {
    "keras": {"compress without loss": NO_CODEC},
    "pca": {"compress without loss": NO_CODEC},
    "decoder": {
        **dict.fromkeys(
            ("compress", "compress plain", "detect", "encode", "reconstruct", "search new rows"), NO_ENCODER
        ),
        "compress without loss": NO_CODEC,
        "decompress": "FILE must be a file made by 'latentarium compress'",
        "edit": "bundle space has no label or attribute",
        "prior": "prior must be left as it is for a decoder without data",
        "probe": "have no label to tell; bring rows with one: --data DATA",
    },
}
"""What a model from elsewhere cannot do, and what is said then."""


@pytest.fixture(scope="module", params=IMPORTS)
def stocked(request: pytest.FixtureRequest, run: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A kind of model, and a folder with its bundle and what the lines need."""
    kind, here = request.param, tmp_path_factory.mktemp("imported") / "here"
    here.mkdir()
    for name, model in zip(("encoder", "decoder"), keras_vae(), strict=True):
        model.save(here / f"{name}.keras")
    (here / "dec.onnx").write_bytes(onnx_graph("decoder"))
    pca = digits_pca()
    np.savez(here / "pca.npz", components=pca.components_, mean=pca.mean_, explained_variance=pca.explained_variance_)
    np.save(here / "rows.npy", np.random.default_rng(0).integers(0, 256, ROWS[kind], dtype=np.uint8))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        made = run("import", *IMPORTS[kind].split(), "-o", "space", "--json")
        assert made.status == 0, made.err
        codes = np.random.default_rng(0).normal(size=(5, *made.json["latent_shape"])).tolist()
        pq.write_table(pa.table({"code": codes}), here / "codes.parquet")
        assert run("measure", "space", "--only", "psnr").status == 0
        assert run("sample", "space", "-o", "made.png").status == 0
        lossy = run("compress", "space", "rows.npy", "-o", "rows.lsc", "--mode", "lossy")
        assert lossy.status == (2 if kind == "decoder" else 0)
    shutil.copytree(here / "space", here / "other")
    return kind, here


@pytest.fixture
def kind(stocked: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The kind of model, in a copy of its folder."""
    found, here = stocked
    monkeypatch.setenv("LATENTARIUM_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(shutil.copytree(here, tmp_path / "here"))
    return found


@pytest.mark.parametrize(
    "call", [pytest.param(call, marks=pytest.mark.slow if call == "compare" else ()) for call in sorted(CALLS)]
)
def test_every_verb_works_on_an_imported_model_or_says_why_not(kind: str, call: str, run: Run) -> None:
    outcome = run(*CALLS[call].split())
    refusal = REFUSED[kind].get(call)
    if refusal is None:
        assert outcome.status == 0, outcome.err
        out = next((word for word in CALLS[call].split() if word.startswith("new")), None)
        assert out is None or Path(out).exists()
        return
    assert outcome.status == 2
    assert outcome.err.startswith("latentarium: ")
    assert refusal in outcome.err
    assert outcome.err.count("\n") == 1
    assert not list(Path().glob("new*"))


def test_the_page_of_an_imported_model_is_served_until_it_is_stopped(kind: str) -> None:
    command = [sys.executable, "-m", "latentarium", "explore", "space", "--no-browser", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["address"]
        with urllib.request.urlopen(address, timeout=60) as answer:
            assert b"Latentarium" in answer.read()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert err.splitlines()[-1] == "stopped"
