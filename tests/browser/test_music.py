"""Melodies and drums on the page: the same notes as in Python, seen, heard, saved and dropped."""

import io
import re
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import symusic
from playwright.sync_api import Download
from tests.browser.conftest import HOSTS, Hosts, Tab, addresses
from tests.data.tunes import tune, write_drums, write_midi
from tests.explorer.conftest import Server
from tests.sounds.hearing import heard_pitch

from latentarium.bundle import Bundle
from latentarium.data import open_like
from latentarium.data.music.notes import Notes, notes_of
from latentarium.explorer.site import Site, make_site
from latentarium.sounds import RATE

pytestmark = pytest.mark.slow
OpenTab = Callable[..., Tab]
StaticHost = Callable[[Site], str]


@pytest.fixture(scope="session")
def tunes(serve: Callable[[Site], Server], static_host: StaticHost, melody: Bundle) -> Hosts:
    """Addresses of the shipped melodies on every host."""
    return addresses(serve(make_site([melody], api=True)), static_host(make_site([melody], api=False)))


@pytest.fixture(scope="session")
def tunes_host(tunes: Hosts) -> str:
    """The shipped melodies as nothing but files."""
    return tunes["static"]


def shown(it: Tab, z: np.ndarray, bundle: Bundle) -> np.ndarray:
    """What the page decodes `z` to, raw."""
    it.ask(f"x.showPoint(Float32Array.from({z.astype(float).tolist()}))")
    it.wait("x.stage.decoded.z === x.stage.z")
    values = np.array(it.ask("Array.from(x.stage.decoded.values)"), np.float32)
    return bundle.modality.to_raw(values.reshape(1, *bundle.space.data_shape))[0]


def different(bundle: Bundle) -> tuple[np.ndarray, np.ndarray]:
    """Five points or fewer, and the raw rows that they decode to, which all differ."""
    # far points differ more than the few codes of a short fit
    z = np.concatenate([bundle.codes[:2], *(far * bundle.space.sample_latents(20, seed=0) for far in (3, 10))])
    raw = bundle.modality.to_raw(bundle.space.decode(z))
    _, first = np.unique(raw.reshape(len(z), -1), axis=0, return_index=True)
    chosen = np.sort(first)[:5]
    assert len(chosen) >= 3
    return z[chosen], raw[chosen]


@pytest.mark.parametrize("name", ["melody", "recurrent", "drums"])
@pytest.mark.parametrize("host", ["server", "static"])
def test_the_page_decodes_to_the_same_notes_as_python(
    name: str,
    host: str,
    tab: OpenTab,
    static_host: StaticHost,
    serve: Callable[[Site], Server],
    request: pytest.FixtureRequest,
) -> None:
    bundle: Bundle = request.getfixturevalue(name)
    site = make_site([bundle], api=host == "server")
    address = f"{serve(site).address}/" if host == "server" else static_host(site)
    it = tab().open(f"{address}?test=1")
    assert it.ask("x.stage.network.where") == "page"
    z, expected = different(bundle)
    for point, raw in zip(z, expected, strict=True):
        assert (shown(it, point, bundle) == raw).all()


def test_rows_are_small_piano_rolls(tunes_host: str, tab: OpenTab) -> None:
    it = tab().open(tunes_host)
    it.page.mouse.move(*it.place(it.ask("x.space.view.first === 7 ? 8 : 7")))
    it.page.locator(".card canvas").wait_for()
    inks = """(() => {
      const canvas = document.querySelector('.card canvas');
      const data = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
      return new Set(data).size;
    })()"""
    it.wait(f"{inks} >= 2")
    it.page.get_by_role("button", name="Pictures instead of dots").wait_for()
    assert it.page.get_by_role("group", name="Along").locator("canvas").count() == 9
    it.wait("document.querySelector('.large canvas').getAttribute('aria-label').startsWith('Decoded ')")


@pytest.mark.parametrize("host", HOSTS)
def test_a_tune_is_played_and_stopped(host: str, tunes: Hosts, tab: OpenTab) -> None:
    it = tab().open(tunes[host])
    it.page.get_by_role("button", name="Play what is decoded").click()
    it.wait("x.player.heard === 'decoded' && x.player.step > 2")
    it.page.locator(".head[style]").wait_for(state="attached")
    it.page.get_by_role("button", name="Stop what is decoded").click()
    it.wait("x.player.heard === null && x.player.step === -1")
    it.page.locator(".host").focus()
    it.page.keyboard.press(" ")
    it.wait("x.player.heard === 'decoded' && x.player.step > 0")
    it.page.keyboard.press(" ")
    it.wait("x.player.heard === null")
    it.page.keyboard.press("p")
    assert it.ask("x.tray.pins.length") == 1


def saved(it: Tab, name: str) -> bytes:
    with it.page.expect_download() as waiting:
        it.page.get_by_role("group", name="Save the path").get_by_role("button", name=name).click()
    download: Download = waiting.value
    return Path(download.path()).read_bytes()


def test_a_path_is_heard_tune_after_tune_and_saved(tunes_host: str, tab: OpenTab, melody: Bundle) -> None:
    it = tab().open(tunes_host)
    it.ask("(x.showRow(3), x.pin(), x.showRow(40), x.pin(), x.openTab('path'), (x.tray.frames = 5))")
    it.wait("x.tray.decoded.length === 5 && x.tray.decoded.every(Boolean)")
    points = np.array(it.ask("x.tray.points.map((z) => Array.from(z))"), np.float32)
    expected = notes_of(melody.modality, melody.modality.to_raw(melody.space.decode(points)))  # type: ignore[arg-type]
    it.page.get_by_role("button", name="Play", exact=True).click()
    it.wait("x.tray.position === 0.25 && x.player.heard === 'path'")
    it.wait("x.stage.z === x.tray.points[1]")
    it.page.get_by_role("button", name="Stop", exact=True).click()
    it.wait("x.player.heard === null")

    score: Any = symusic.Score.from_midi(saved(it, "MIDI"))
    (track,) = score.tracks
    got = [(n.time // 120, n.duration // 120, n.pitch) for n in track.notes]
    said = [(s + 32 * i, k, p) for i, n in enumerate(expected) for s, k, p in listed(n)]
    assert sorted(got) == sorted(said)
    with wave.open(io.BytesIO(saved(it, "WAV"))) as file:
        assert (file.getframerate(), file.getnchannels()) == (RATE, 1)
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
    assert 0.1 < np.abs(sound).max() < 1
    for start, length, pitch in [note for note in said if note[1] >= 2]:
        part = sound[round(start * 0.125 * RATE) : round((start + length) * 0.125 * RATE)]
        assert heard_pitch(part) == pitch


def test_a_path_is_heard_once_it_is_decoded_and_stops_when_it_changes(tunes_host: str, tab: OpenTab) -> None:
    it = tab().open(tunes_host)
    it.ask("[3, 40, 77].forEach((row) => (x.showRow(row), x.pin()))")
    it.page.locator(".host").focus()
    it.page.keyboard.press("i")
    assert it.ask("[x.look.tab, x.tray.complete, x.tray.waits]") == ["path", False, True], "nothing is decoded yet"
    it.wait("x.player.heard === 'path' && x.player.step > 0")
    it.page.get_by_role("button", name="Remove stop C").click()
    it.wait("x.player.heard === null && x.player.step === -1")
    it.page.keyboard.press("i")
    it.wait("x.player.heard === 'path' && x.player.step > 0")
    it.page.keyboard.press("i")
    it.wait("x.player.heard === null")


def listed(notes: Notes) -> list[tuple[int, int, int]]:
    return list(zip(notes.starts.tolist(), notes.lengths.tolist(), notes.pitches.tolist(), strict=True))


@pytest.mark.parametrize("name", ["melody", "drums"])
def test_a_midi_file_of_ones_own_is_cut_and_encoded_as_in_python(
    name: str, tab: OpenTab, static_host: StaticHost, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    bundle: Bundle = request.getfixturevalue(name)
    folder = tmp_path / "own"
    # off the grid, in bars of three quarters, and a note held over a bar line
    held = [(s + (0.3 if s == 20 else 0), k, p) for s, k, p in tune(5, 60)] + [(60, 20, 60), (80, 4, 62)]
    file = (
        write_drums(folder, 1) / "00.mid" if name == "drums" else write_midi(folder / "a.mid", held, signature=(3, 4))
    )
    rows = open_like(folder, bundle.modality)
    expected = bundle.space.encode(bundle.modality.to_array(np.asarray(rows.raw)))
    it = tab().open(f"{static_host(make_site([bundle], api=False))}?test=1")
    it.page.get_by_label("A MIDI file of your own", exact=True).set_input_files(file)
    it.page.get_by_role("heading", name=f"{file.name}, from bar 1").wait_for()
    pieces = it.ask("x.stage.pieces.map(({ values }) => Array.from(values))")
    arrays = np.array(pieces, np.float32).reshape(-1, *bundle.space.data_shape)
    assert len(arrays) > 2
    assert (bundle.modality.to_raw(arrays) == np.asarray(rows.raw)).all()
    it.page.get_by_role("button", name="The next part").click()
    it.wait("x.stage.piece === 1")
    assert np.allclose(it.ask("Array.from(x.stage.z)"), expected[1], atol=1e-3)
    it.page.get_by_text(re.compile(r"\d+ of \d+ back")).wait_for()


def test_files_that_are_no_tune_for_this_space_are_told_why(tunes_host: str, tab: OpenTab, tmp_path: Path) -> None:
    it = tab().open(tunes_host)
    (tmp_path / "no.mid").write_text("no tune")
    files = {
        tmp_path / "no.mid": "no.mid cannot be read as a MIDI file",
        write_midi(tmp_path / "two.mid", [(0, 8, 60), (0, 8, 64), (8, 40, 60)]): "two notes sound at once in bar 1",
        write_midi(tmp_path / "short.mid", [(0, 8, 60)]): "shorter than 2 bars of four quarters",
        write_drums(tmp_path / "drums", 1) / "00.mid": "it holds no notes of a melody",
    }
    for file, words in files.items():
        it.page.get_by_label("A MIDI file of your own", exact=True).set_input_files(file)
        it.page.get_by_role("alert").filter(has_text=words).wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_a_page_of_tunes(
    theme: str, tab: OpenTab, recurrent: Bundle, static_host: StaticHost
) -> None:
    it = tab(theme=theme).open(f"{static_host(make_site([recurrent], api=False))}?test=1")
    it.wait("x.stage.input !== null")
    it.page.get_by_text(re.compile(r"\d+ of \d+ back")).wait_for()
    it.ask("(x.showRow(3), x.pin(), x.showRow(9), x.pin())")
    for act in ("x.openTab('path')", "x.openTab('neighbours')", "x.openTab('latent')"):
        it.ask(act)
        it.page.wait_for_timeout(300)
        assert [(rule["id"], rule["nodes"][0]["html"][:160]) for rule in it.violations()] == []


ROLLS = "[...document.querySelectorAll('.strip canvas')].map((canvas) => canvas.toDataURL())"


def test_rolls_that_were_decoded_take_the_colours_of_the_theme(
    tab: OpenTab, static_host: Callable[[Site], str], melody: Bundle
) -> None:
    it = tab().open(f"{static_host(make_site([melody], api=False))}?test=1")
    empty = (
        "(() => { const c = document.createElement('canvas'); c.width = 128; c.height = 96; return c.toDataURL(); })()"
    )
    it.wait(f"{ROLLS}.length === 9 && !{ROLLS}.includes({empty})")
    it.page.wait_for_timeout(300)
    light = it.ask(ROLLS)
    it.ask("x.look.turnTheme()")
    it.page.wait_for_timeout(500)
    dark = it.ask(ROLLS)
    assert all(a != b for a, b in zip(light, dark, strict=True))
    it.ask("x.look.turnTheme()")
    it.page.wait_for_timeout(500)
    assert it.ask(ROLLS) == light
