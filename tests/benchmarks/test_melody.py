"""The yardsticks of the melody benchmark, on ways whose answers are known."""

import numpy as np
from benchmarks.models.melody import distances_from_first, overlap

from latentarium.data.music.modalities import FIRST_NOTE, HOLD, REST

C, D = FIRST_NOTE + 39, FIRST_NOTE + 41


def test_silence_is_an_octave_away_and_every_frame_is_divided_by_all_steps() -> None:
    # one bar held on C; a half of it a tone up; a half silent; all silent
    frames = np.array(
        [[[C, *[HOLD] * 15], [C, *[HOLD] * 7, D, *[HOLD] * 7], [C, *[HOLD] * 7, *[REST] * 8], [REST] * 16]], np.uint8
    )
    found = distances_from_first(frames)
    assert found["pitches, semitones"].tolist() == [[0.0, 1.0, 6.0, 12.0]]
    assert found["symbols"].tolist() == [[0.0, 1 / 16, 0.5, 1.0]]


def test_a_far_note_that_falls_silent_does_not_come_nearer() -> None:
    # the second half is an octave off and then silent: as far away, while steps where both sound would say nearer
    loud = [C, *[HOLD] * 7, C + 12, *[HOLD] * 7]
    frames = np.array([[[C, *[HOLD] * 15], loud, [*loud[:8], *[REST] * 8]]], np.uint8)
    assert distances_from_first(frames)["pitches, semitones"].tolist() == [[0.0, 6.0, 6.0]]


def test_overlap_is_one_less_the_total_variation() -> None:
    assert overlap(np.array([1.0, 1.0]), np.array([5.0, 5.0])) == 1
    assert overlap(np.array([1.0, 0.0]), np.array([0.0, 2.0])) == 0
    assert overlap(np.array([3.0, 1.0]), np.array([1.0, 1.0])) == 0.75
