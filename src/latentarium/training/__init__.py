"""Fitting: settings, the loop, monitors, checkpoints."""
