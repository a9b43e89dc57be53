"""Melodies and drum patterns: MIDI and ABC files on a grid of sixteenths."""
