"""Compression: rows into a file and back, lossless or lossy, the same bits on every machine."""
