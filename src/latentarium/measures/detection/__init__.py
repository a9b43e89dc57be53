"""Telling odd rows from normal ones: distances, thresholds, and how well scores and maps do."""

from latentarium.measures.detection.planes import (
    Columns,
    Features,
    Neighbours,
    OrientedEdges,
    features_of,
    plane_residuals,
)
from latentarium.measures.detection.quality import aupro, auroc, average_precision, pixel_auroc
from latentarium.measures.detection.thresholds import (
    Drift,
    Threshold,
    benjamini_hochberg,
    calibration_drift,
    conformal_p_values,
    conformal_threshold,
    null_share,
    peaks_over_threshold,
    quantile_threshold,
    rows_needed,
)

__all__ = [
    "Columns",
    "Drift",
    "Features",
    "Neighbours",
    "OrientedEdges",
    "Threshold",
    "aupro",
    "auroc",
    "average_precision",
    "benjamini_hochberg",
    "calibration_drift",
    "conformal_p_values",
    "conformal_threshold",
    "features_of",
    "null_share",
    "peaks_over_threshold",
    "pixel_auroc",
    "plane_residuals",
    "quantile_threshold",
    "rows_needed",
]
