"""Odd rows: the detector, its scores, and the report of what it found."""

from latentarium.applications.anomaly.detector import LatentOutlierDetector

__all__ = ["LatentOutlierDetector"]
