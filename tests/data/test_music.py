"""MIDI and ABC files become windows on a grid of sixteenths, with parts, labels and attributes."""

from pathlib import Path

import numpy as np
import pytest
from tests.data.tunes import JIG, tune, with_drums, write_drums, write_midi, write_tunes

from latentarium.data import DrumModality, MelodyModality, modality_from_json, open_like, open_source
from latentarium.data.music.attributes import in_key, melody_attributes
from latentarium.data.music.duplicates import variant_groups
from latentarium.data.music.grid import Loss, melody_grid, windows
from latentarium.data.music.notes import notes_of, one_after_another
from latentarium.data.music.tunes import read_tunes
from latentarium.errors import InvalidInput, MissingExtra

MIDI_HEAD = b"MThd\0\0\0\6\0\1\0\1\1\xe0"


def symbols(text: str) -> np.ndarray:
    """'C4 - . E4' as symbols: a note, '-' held, '.' silence."""
    names = {"C": 60, "D": 62, "E": 64, "F": 65, "G": 67, "A": 69, "B": 71}
    codes = {"-": 1, ".": 0}
    return np.array(
        [codes[w] if w in codes else names[w[0]] + 12 * (int(w[1]) - 4) - 19 for w in text.split()], np.uint8
    )


def one_grid(path: Path) -> tuple[np.ndarray, Loss]:
    return melody_grid(next(read_tunes(path, path.name)))


def test_a_folder_of_tunes(tmp_path: Path) -> None:
    rows = open_source(write_tunes(tmp_path / "tunes"))
    assert rows.modality == MelodyModality(bars=2)
    assert rows.raw.shape == (24 * 3, 32)
    assert rows.raw.dtype == np.uint8
    assert rows.ids[:3].tolist() == ["jigs/00.mid/0001", "jigs/00.mid/0002", "jigs/00.mid/0003"]
    assert set(rows.columns) == {"label", "density", "range", "syncopation", "mode"}
    assert rows.columns["label"][0] == "jigs"
    assert "24 tunes gave 72 windows" in rows.notes[0]
    assert len(rows.notes) == 1


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write_midi(tmp_path / "a.mid", [(0, 4, 60), (4, 2, 64), (8, 1, 67)])
    grid, loss = one_grid(path)
    assert (grid == symbols("C4 - - - E4 - . . G4")).all()
    assert loss == Loss(notes=3)
    assert loss.words() == ()


def test_the_grid_says_what_it_costs(tmp_path: Path) -> None:
    # a triplet of eighths, two notes in one sixteenth, and one beyond the piano
    notes = [(0, 1.33, 60), (1.33, 1.33, 62), (2.67, 1.33, 64), (8, 0.5, 60), (8.5, 0.5, 62), (12, 1, 110)]
    grid, loss = one_grid(write_midi(tmp_path / "a.mid", notes))
    assert (grid[:4] == symbols("C4 D4 - E4")).all()
    assert (loss.notes, loss.left_out) == (6, 2)
    assert loss.moved == 3
    assert loss.distance == pytest.approx(1 / 3 + 1 / 3 + 0.5, abs=0.02)
    # 1.33 and 2.66 lie off the grid, as do 4 and 8.5, where one ends in a sixteenth of its own; 13 is beyond the piano
    assert loss.ends_moved == 3
    assert loss.ends_distance == pytest.approx(1 / 3 + 1 / 3 + 0.5, abs=0.02)
    assert loss.words() == (
        "3 of 6 notes do not begin on the grid of sixteenths and were moved, by 0.39 of a sixteenth on average",
        "3 of 6 notes do not end on the grid, or not before the next one begins, and their ends were moved, by 0.39 "
        "of a sixteenth on average",
        "2 of 6 notes were left out, since another one begins in their place or they lie beyond the piano",
    )


def test_an_end_over_the_next_beginning_is_moved_there(tmp_path: Path) -> None:
    grid, loss = one_grid(write_midi(tmp_path / "a.mid", [(0, 4.4, 60), (4, 3.95, 62), (8, 2.3, 64)]))
    assert (grid == symbols("C4 - - - D4 - - - E4 -")).all()
    assert (loss.moved, loss.ends_moved) == (0, 2)
    assert loss.ends_distance == pytest.approx(0.4 + 0.3, abs=0.01)


def test_drums_beside_a_melody_are_said(tmp_path: Path) -> None:
    write_tunes(tmp_path / "tunes", 12)
    with_drums(tmp_path / "tunes/jigs/00.mid", [(step, 1, 36) for step in range(0, 64, 4)])
    rows = open_source(tmp_path / "tunes")
    assert rows.modality == MelodyModality(bars=2)
    assert rows.notes[1:] == ("16 notes of drums beside melodies were left out; give drums a folder of their own",)
    # drums alone in a folder lose none
    assert not any("drums" in note for note in open_source(write_drums(tmp_path / "drums", 12)).notes)


def test_ends_of_tunes_that_fill_no_window_are_said(tmp_path: Path) -> None:
    # eight bars of two notes each
    path = write_midi(tmp_path / "a.mid", [(8 * k, 8, 60 + k) for k in range(16)])
    rows = open_like(path, MelodyModality(bars=6))
    assert rows.ids.tolist() == ["a.mid/0001", "a.mid/0003"]
    assert len(rows.notes) == 1
    rows = open_like(path, MelodyModality(bars=5))
    assert rows.ids.tolist() == ["a.mid/0001", "a.mid/0003"]
    assert rows.notes[1:] == (
        "2 of 16 notes begin in no window, since only whole ones are cut: ends of tunes, which fill none",
    )


def test_legato_is_one_voice_and_chords_are_not(tmp_path: Path) -> None:
    grid, _ = one_grid(write_midi(tmp_path / "legato.mid", [(0, 4.3, 60), (4, 4, 62)]))
    assert (grid == symbols("C4 - - - D4 - - -")).all()
    write_midi(tmp_path / "chord.mid", [(0, 16, 60), (16, 4, 60), (16, 4, 64)])
    with pytest.raises(InvalidInput, match=r"chord.mid must have one voice, got two notes at once in bar 2; give"):
        open_source(tmp_path / "chord.mid")


@pytest.mark.parametrize(
    ("text", "bar"),
    [
        ("C D E F|[CEG] D E F|C4|", 2),
        ("[V:1] C D E F|C4|\n[V:2] G A B c|c4|", 1),
        ("C D E F|C4|C D E2 & G A B2|", 3),
        ("[C8G,8] D E F|C4|", 1),
    ],
)
def test_abc_of_several_voices_is_refused(tmp_path: Path, text: str, bar: int) -> None:
    (tmp_path / "a.abc").write_text(f"X:1\nT:a\nM:4/4\nL:1/4\nK:C\n{text}\n")
    with pytest.raises(InvalidInput, match=rf"^a\.abc must have one voice, got two notes at once in bar {bar}; give"):
        open_source(tmp_path / "a.abc")


def test_the_tune_of_an_abc_file_that_has_several_voices_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.abc").write_text(JIG + "\nX:3\nT:third\nM:4/4\nL:1/4\nK:C\nC D E F|[CE] D E F|\n")
    with pytest.raises(InvalidInput, match=r"^a\.abc#3 must have one voice, got two notes at once in bar 2; give"):
        open_source(tmp_path / "a.abc")


def test_windows_begin_at_bar_lines_and_strike_what_is_held(tmp_path: Path) -> None:
    # bars of three quarters; the second bar begins within a note
    path = write_midi(tmp_path / "waltz.mid", [(0, 8, 60), (8, 8, 62), (16, 60, 64)], signature=(3, 4))
    rows = open_like(path, MelodyModality(bars=2))
    assert rows.ids.tolist() == ["waltz.mid/0001", "waltz.mid/0003", "waltz.mid/0005"]
    assert rows.raw[1, 0] == 64 - 19
    assert (rows.raw[1, 1:] == 1).all()


def test_more_bars(tmp_path: Path) -> None:
    folder = write_tunes(tmp_path / "tunes", 12, steps=128)
    write_midi(folder / "short.mid", tune(99, 32))
    rows = open_source(folder, size=8)
    assert rows.raw.shape == (12, 128)
    assert rows.notes[-1] == f"1 tunes are shorter than that and were left out, {len(tune(99, 32))} notes"
    with pytest.raises(InvalidInput, match="size must be an integer from 1 to 64, got 100"):
        open_source(folder, size=100)
    with pytest.raises(InvalidInput, match="at least 64 bars"):
        open_source(folder, size=64)


def test_training_has_the_windows_between_of_more_than_four_bars(tmp_path: Path) -> None:
    folder = write_tunes(tmp_path / "tunes", 20, steps=12 * 16)
    rows = open_source(folder, size=8)
    first_bars: dict[str, set[tuple[int, ...]]] = {}
    for part, numbers in rows.splits.items():
        of_tune: dict[str, list[int]] = {}
        for name, _, bar in (row.rpartition("/") for row in rows.ids[numbers].tolist()):
            of_tune.setdefault(name, []).append(int(bar))
        first_bars[part] = {tuple(bars) for bars in of_tune.values()}
    assert first_bars == {"train": {(1, 2, 3, 4, 5)}, "validation": {(1, 3, 5)}, "test": {(1, 3, 5)}}
    train = len(rows.splits["train"])
    assert rows.notes[-1].startswith(f"{2 * train // 5} rows more, which overlap these, are learned from")
    assert "20 tunes gave 60 windows of 8 bars" in rows.notes[0]
    assert {len(values) for values in (rows.raw, rows.ids, *rows.columns.values())} == {60 + 2 * train // 5}
    # rows that are only looked at are a quarter of their length apart
    assert len(open_like(folder, MelodyModality(bars=8))) == 60
    # four bars and less are a bar apart everywhere
    assert len(open_source(folder, size=4)) == 20 * 9


def test_windows_a_quarter_apart_do_not_depend_on_those_between(tmp_path: Path) -> None:
    # bars of three quarters: those between lie two bars apart, a quarter of eight bars is 32 sixteenths
    path = write_midi(tmp_path / "waltz.mid", [(4 * k, 4, 60 + k % 12) for k in range(96)], signature=(3, 4))
    (tune,) = read_tunes(path, path.name)
    grid, _ = melody_grid(tune)
    raw, numbers, spaced = windows(grid, tune, 8)
    assert numbers.tolist() == [1, 3, 4, 6, 7, 9, 10, 12, 13, 15, 16, 18, 19, 21, 22]
    assert numbers[spaced].tolist() == [1, 4, 7, 10, 13, 16, 19, 22]
    assert raw.shape == (15, 128)


def test_an_abc_file_of_two_tunes(tmp_path: Path) -> None:
    (tmp_path / "tunes.abc").write_text(JIG)
    first, second = read_tunes(tmp_path / "tunes.abc", "tunes.abc")
    assert (first.name, second.name) == ("tunes.abc#1", "tunes.abc#2")
    assert first.pitches[:4].tolist() == [69, 74, 78, 81]
    assert np.diff(first.bars)[0] == 12
    grid, loss = melody_grid(second)
    assert (grid[:16] == symbols("C4 - - - E4 - - - G4 - - - C5 - - -")).all()
    assert loss.words() == ()


def test_drums_are_hits(tmp_path: Path) -> None:
    rows = open_source(write_drums(tmp_path / "drums"))
    assert rows.modality == DrumModality(bars=2)
    assert rows.raw.shape[1:] == (9, 32)
    assert rows.raw[0, 0].nonzero()[0].tolist() == [0, 8, 16, 24]
    assert rows.raw[0, 1].nonzero()[0].tolist() == [4, 12, 20, 28]
    assert (rows.columns["syncopation"] == 0).all()
    (notes,) = notes_of(rows.modality, rows.raw[:1])
    assert set(notes.pitches.tolist()) == {36, 38, 42}


def test_variants_stay_together(tmp_path: Path) -> None:
    folder = write_tunes(tmp_path / "tunes", 20)
    for seed in range(10):
        # the same tune a third up, with another last bar
        other = [(a, b, pitch + 4) for a, b, pitch in tune(seed) if a < 44] + [(48, 16, 70)]
        write_midi(folder / "variants" / f"{seed}.mid", other)
    rows = open_source(folder)
    part = {row: name for name, rows_ in rows.splits.items() for row in rows_.tolist()}
    for seed in range(10):
        of = {
            part[i] for i, name in enumerate(rows.ids) if f"/{seed:02}.mid/" in name or f"variants/{seed}.mid/" in name
        }
        assert len(of) == 1, seed
    assert all(len(rows.splits[name]) >= 0.08 * len(rows) for name in rows.splits)


def test_groups_are_of_passages_not_of_single_notes() -> None:
    first, second = symbols("C4 D4 E4 F4 G4 A4 B4 C5 B4 A4 G4 E4 C4"), symbols("D4 E4 F4 G4 A4 B4 C5 D5 C5 A4 G4 F4 D4")
    moved = np.where(first >= 2, first + 3, first)
    groups = variant_groups([first, second, moved])
    assert groups[0] == groups[2] != groups[1]


def test_attributes() -> None:
    plain = symbols("C4 - - - E4 - - - G4 - - - C5 - - -")
    off = symbols("C4 - E4 - - - F4 - - - G4 - - - C5 -")
    found = melody_attributes(np.stack([plain, off]))
    assert found["density"].tolist() == [1.0, 1.25]
    assert found["range"].tolist() == [12.0, 12.0]
    # E over beat 2, F over beat 3, G over beat 4, weights by hand: 1 + 2 + 1
    assert found["syncopation"].tolist() == [0.0, 4.0]
    minor = symbols("A4 - - - C5 - - - E5 - - - A4 - - -")
    assert melody_attributes(np.stack([plain, minor]))["mode"].tolist() == ["major", "minor"]
    assert in_key(np.stack([plain, symbols("C4 - - - E4 - - - F4 - - - G4 - - -")])).tolist() == [1.0, 1.0]


def test_notes_of_rows_and_pieces_in_a_row() -> None:
    raw = np.stack([symbols("C4 - . . E4 - - -" + " ." * 8), symbols("G4" + " -" * 15)])
    first, second = notes_of(MelodyModality(bars=1), raw)
    assert (first.starts.tolist(), first.lengths.tolist()) == ([0, 4], [2, 4])
    whole = one_after_another([first, second])
    assert (whole.starts.tolist(), whole.pitches.tolist(), whole.steps) == ([0, 4, 16], [60, 64, 67], 32)


def test_labels_of_an_index(tmp_path: Path) -> None:
    folder = write_tunes(tmp_path / "tunes", 12)
    names = [f"{('jigs', 'reels')[i % 2]}/{i:02}.mid" for i in range(12)]
    (folder / "index.csv").write_text("file,region,mode\n" + "".join(f"{name},Mayo,dorian\n" for name in names))
    rows = open_source(folder, label="region")
    assert set(rows.columns["label"].tolist()) == {"Mayo"}
    assert set(rows.columns["index_mode"].tolist()) == {"dorian"}
    assert set(rows.columns["mode"].tolist()) <= {"major", "minor"}
    (folder / "index.csv").write_text("file,region\njigs/00.mid,Mayo\n")
    with pytest.raises(
        InvalidInput, match="index.csv must be a table with a row for every tune, got 'none for jigs/02"
    ):
        open_source(folder)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.mid", b"hello, this is no MIDI", "a.mid must be a complete MIDI file, but it does not begin with MThd"),
        ("b.mid", b"", "b.mid must be a complete MIDI file, but it is empty"),
        ("c.mid", MIDI_HEAD + b"MTrk\0\0\xff\xff\0\x90", "its track 1 of 1 is cut off: 2 of 65,535 bytes"),
        ("f.mid", MIDI_HEAD + b"MTrk\0\0\0\4\0\x90\x3c\x50", "its track 1 of 1 has no end-of-track event"),
        ("g.mid", MIDI_HEAD, "its header states 1 tracks and it holds 0"),
        ("h.mid", MIDI_HEAD[:11], "its header is cut off"),
        ("i.mid", b"MThd\0\0\0\4\0\1\0\1", "states a length of 4 bytes in place of 6"),
        # notes on and off without their pitches
        (
            "j.mid",
            MIDI_HEAD + b"MTrk\0\0\0\5\0\x90\xff\x2f\0",
            "j.mid must be a complete MIDI file, but it cannot be read",
        ),
        ("d.abc", b"no tune here", "d.abc must be an ABC file with a tune that begins with a line X:"),
        (
            "k.abc",
            JIG.encode() + "T:Sí Beag\n".encode("latin1"),
            "k.abc must be text in UTF-8, got the byte 0xed in line 14",
        ),
        ("l.abc", JIG.encode("utf-16"), "l.abc must be text in UTF-8, got the byte 0xff in line 1"),
        ("e.abc", b"X:1\nT:silence\nM:4/4\nL:1/4\nK:C\nz4|\n", "e.abc must be a file with notes"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput, match=words):
        open_source(tmp_path / name)


def test_a_file_that_is_cut_off_anywhere_is_never_a_shorter_tune(tmp_path: Path) -> None:
    whole = write_midi(tmp_path / "a.mid", tune(0)).read_bytes()
    for end in range(len(whole)):
        (tmp_path / "a.mid").write_bytes(whole[:end])
        with pytest.raises(InvalidInput, match=r"^a\.mid must be a complete MIDI file, but it") as caught:
            list(read_tunes(tmp_path / "a.mid", "a.mid"))
        assert "\n" not in str(caught.value)


def test_whole_files_may_be_odd(tmp_path: Path) -> None:
    plain = write_midi(tmp_path / "a.mid", tune(0)).read_bytes()
    track = plain.index(b"MTrk")
    odd = [
        plain + b"\0\1\2",
        plain + b"more than eight bytes",
        plain + b"XFIH\0\0\0\2ab",
        plain[:track] + b"XFIH\0\0\0\2ab" + plain[track:],
        # a header of eight bytes, more tracks than stated, one without a byte, bytes behind the end of a track
        plain[:7] + b"\x08" + plain[8:14] + b"\0\0" + plain[14:],
        plain + b"MTrk\0\0\0\4\0\xff\x2f\0",
        plain + b"MTrk\0\0\0\0",
        plain[: track + 4] + (len(plain) - track - 8 + 3).to_bytes(4, "big") + plain[track + 8 :] + b"\0\0\0",
    ]
    (expected,) = read_tunes(tmp_path / "a.mid", "a.mid")
    for number, data in enumerate(odd):
        (tmp_path / "b.mid").write_bytes(data)
        (found,) = read_tunes(tmp_path / "b.mid", "b.mid")
        assert (found.onsets == expected.onsets).all(), number
        assert (found.pitches == expected.pitches).all(), number


def test_other_wrong_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_tunes(tmp_path / "tunes")
    with pytest.raises(InvalidInput, match=r"kind 'drums', as the space was fitted on, got \"data of kind 'melody'"):
        open_like(folder, DrumModality())
    write_midi(folder / "far.mid", [(0, 1, 60), (70_000, 1, 60)])
    with pytest.raises(InvalidInput, match=r"far.mid must be a tune of at most 65,536 sixteenths"):
        open_source(folder)
    (folder / "far.mid").unlink()
    write_midi(folder / "z.mid", [(0, 1, 36)], drums=True)
    with pytest.raises(InvalidInput, match=r"z.mid must be a melody, as other tunes of the folder are"):
        open_source(folder)
    monkeypatch.setitem(__import__("sys").modules, "symusic", None)
    with pytest.raises(MissingExtra, match=r"pip install 'latentarium\[music\]'"):
        open_source(folder)


@pytest.mark.parametrize("modality", [MelodyModality(bars=3), DrumModality(bars=1)])
def test_modalities_travel_as_json(modality: MelodyModality | DrumModality) -> None:
    assert modality_from_json(modality.to_json()) == modality
    with pytest.raises(InvalidInput, match="raw"):
        modality.to_array(np.zeros((2, 5), np.uint8))


def test_symbols_beyond_the_piano_are_refused() -> None:
    with pytest.raises(InvalidInput, match="below 90, got 90"):
        MelodyModality(bars=1).to_array(np.full((1, 16), 90, np.uint8))


def test_the_real_collection(test_data: Path) -> None:
    rows = open_source(test_data / "melodies", label="region")
    assert len(rows) > 60_000
    assert len(rows.notes) == 1
    owner = np.array([name.rpartition("/")[0] for name in rows.ids])
    parts = [set(owner[rows.splits[name]].tolist()) for name in ("train", "validation", "test")]
    assert len(set.union(*parts)) == sum(map(len, parts))
    assert in_key(rows.raw).mean() > 0.98
