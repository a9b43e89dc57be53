"""Melodies and drums through every verb: piano rolls, sounds and MIDI hold the notes that were decoded."""

import shutil
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import symusic
from PIL import Image
from tests.cli.conftest import Run
from tests.data.tunes import JIG, tune, write_drums, write_midi, write_tunes
from tests.sounds.hearing import heard_pitch

import latentarium as la
from latentarium.applications.paths import blend
from latentarium.data.music.notes import Notes, notes_of, one_after_another
from latentarium.pictures.rolls import NOTE, SEMITONE, STEP, STRIKE, key_range
from latentarium.sounds import RATE


@pytest.fixture(scope="module")
def folder(fitted: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tunes and the bundle `space` made of them."""
    found = tmp_path_factory.mktemp("music")
    write_tunes(found / "tunes", 40)
    shutil.copytree(fitted(found / "tunes", "--latent", 32, "--steps", 150), found / "space")
    return found


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LATENTARIUM_SOUNDFONT", "none")


def heard(path: Path, notes: Notes) -> list[int]:
    """Pitches in a WAV file where notes of an eighth or more are said to be."""
    with wave.open(str(path)) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
    samples = 0.125 * RATE
    long = notes.lengths >= 2
    return [
        heard_pitch(sound[round(start * samples) : round((start + length) * samples)])
        for start, length in zip(notes.starts[long], notes.lengths[long], strict=True)
    ]


def seen(path: Path, pieces: list[Notes]) -> list[list[tuple[int, int]]]:
    """(start, pitch) of the notes in a strip of piano rolls."""
    pixels = np.asarray(Image.open(path).convert("RGBA"))
    low, high = key_range(pieces)
    wide = pieces[0].steps * STEP
    gutter = (pixels.shape[1] - len(pieces) * wide) // max(1, len(pieces) - 1)
    found = []
    for k in range(len(pieces)):
        roll = pixels[:, k * (wide + gutter) : k * (wide + gutter) + wide]
        struck = (roll[1::SEMITONE, ::STEP] == STRIKE).all(2)
        found.append(sorted((int(step), high - int(key)) for key, step in zip(*struck.nonzero(), strict=True)))
        assert (roll[1::SEMITONE, 3::STEP] == NOTE).all(2).sum() == pieces[k].lengths.sum()
    assert low <= high
    return found


def test_a_blend_of_two_tunes_is_seen_and_heard(run: Run) -> None:
    outcome = run("blend", "space", "jigs/00.mid/0001", "reels/01.mid/0002", "--steps", 5, "--json")
    assert outcome.json["files"] == ["space-blend.png", "space-blend.wav", "space-blend.mid"]
    bundle = la.open_bundle("space")
    ids = bundle.ids.tolist()
    codes = bundle.codes[[ids.index("jigs/00.mid/0001"), ids.index("reels/01.mid/0002")]]
    pieces = notes_of(bundle.modality, bundle.modality.to_raw(blend(bundle.space, codes, steps=5)))  # type: ignore[arg-type]
    whole = one_after_another(pieces)
    assert len(whole) > 20
    assert heard(Path("space-blend.wav"), whole) == whole.pitches[whole.lengths >= 2].tolist()
    assert seen(Path("space-blend.png"), pieces) == [
        sorted(zip(piece.starts.tolist(), piece.pitches.tolist(), strict=True)) for piece in pieces
    ]
    (track,) = symusic.Score("space-blend.mid").tracks
    assert sorted((n.time // 120, n.pitch) for n in track.notes) == sorted(
        zip(whole.starts.tolist(), whole.pitches.tolist(), strict=True)
    )


def test_a_short_fit_brings_most_notes_back(run: Run) -> None:
    scores = run("measure", "space", "--only", "note_f1", "--only", "mse", "--json").json["scores"]
    assert scores["note_f1"]["value"] > 0.6
    assert "Reconstructions" in Path("space/report.html").read_text()
    assert run("info", "space").status == 0
    assert run("check", "space", "--json").json["checks"]["passed"]


def test_samples_reconstructions_and_traversals(run: Run) -> None:
    assert "space-samples.wav" in run("sample", "space", "-n", 6).out
    assert Image.open("space-samples.png").width == 4 * 192 + 3 * 9
    assert run("reconstruct", "space", "-n", 3, "-o", "again.mid").status == 0
    assert symusic.Score("again.mid").end() > 0
    assert run("traverse", "space", "--dimensions", 2, "--steps", 3, "-o", "axes.png").status == 0
    assert Image.open("axes.png").width == 3 * 192 + 2 * 9


def test_new_tunes_in_midi_and_abc(run: Run) -> None:
    write_midi(Path("new.mid"), tune(77))
    Path("new.abc").write_text(JIG)
    assert run("encode", "space", "new.mid", "-o", "codes.parquet", "--json").json["rows"] == 3
    assert run("reconstruct", "space", "new.abc", "-o", "new.wav").status == 0
    for name in ("back.mid", "back.wav", "back.npy", "back.parquet"):
        assert run("decode", "space", "codes.parquet", "-o", name).status == 0
    assert np.load("back.npy").shape == (3, 32)


def test_drums(run: Run, fitted: Callable[..., Path], tmp_path: Path) -> None:
    space = fitted(write_drums(tmp_path / "drums", 40), "--steps", 150, "--latent", 16)
    assert run("info", space, "--json").json["manifest"]["architecture"]["likelihood"] == "bernoulli"
    scores = run("measure", space, "--only", "note_f1", "--json").json["scores"]
    assert scores["note_f1"]["value"] > 0.9
    assert run("sample", space, "-n", 2, "-o", "beat.mid").status == 0
    assert symusic.Score("beat.mid").tracks[0].is_drum
    assert run("sample", space, "-n", 2, "-o", "beat.png").status == 0
    assert run("sample", space, "-n", 2, "-o", "beat.wav").status == 0


def test_a_recurrent_space(run: Run, fitted: Callable[..., Path]) -> None:
    space = fitted("tunes", "--net", "recurrent", "--steps", 20)
    files = set(run("info", space, "--json").json["manifest"]["files"])
    assert {"encoder.onnx", "context.onnx", "step.onnx", "steps.json"} <= files
    assert "decoder.onnx" not in files
    assert run("blend", space, 0, 1, "--steps", 3, "-o", "blend.png").status == 0


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("sample", "space", "-o", "x.csv"),
            ".jpeg or .wav or .mid, got 'x.csv'",
        ),
        (("encode", "space", "bad.mid", "-o", "x.parquet"), "bad.mid must be a complete MIDI file"),
        (
            ("encode", "space", "chord.mid", "-o", "x.parquet"),
            "chord.mid must have one voice, got two notes at once",
        ),
        (("encode", "space", "beat.mid", "-o", "x.parquet"), "beat must be data of kind 'melody'"),
        (
            ("fit", "tunes", "--out", "x", "--net", "conv"),
            "net must be auto, melody, recurrent for data of",
        ),
        (
            ("fit", "tunes", "--out", "x", "--likelihood", "gaussian"),
            "likelihood must be 'melody' for the net",
        ),
        (
            ("fit", "digits", "--out", "x", "--net", "melody"),
            "net must be dense, conv, ladder or auto for data",
        ),
        (("fit", "tunes", "--out", "x", "--model", "gan"), "model must be vae or ae for data that are not images"),
        (("fit", "tunes", "--out", "x", "--size", "0"), "size must be an integer from 1 to 64, got 0"),
    ],
)
def test_wrong_uses_are_told_in_one_line(run: Run, words: tuple[str, ...], line: str) -> None:
    Path("bad.mid").write_bytes(b"MThd and nothing else")
    write_midi(Path("chord.mid"), [(0, 32, 60), (0, 32, 64)])
    write_midi(Path("beat.mid"), [(0, 1, 36), (31, 1, 38)], drums=True)
    outcome = run(*words)
    assert outcome.status == 2
    assert outcome.err.count("\n") == 1
    assert line in outcome.err
