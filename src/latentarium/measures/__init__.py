"""Measures of a latent space: functions that return a `Score`."""

from latentarium.measures.information import (
    ElboParts,
    active_units,
    bits_per_dimension,
    distortion,
    importance_weighted_bound,
    kl_per_dimension,
    negative_elbo,
    negative_elbo_parts,
    rate,
)
from latentarium.measures.neighbours import neighbour_recall, trustworthiness
from latentarium.measures.prior_match import aggregated_posterior_gap, aggregated_posterior_mmd
from latentarium.measures.reconstruction import mse, mse_between, psnr, psnr_between, ssim, ssim_between
from latentarium.measures.report import ReportContent, Section, render_report
from latentarium.measures.score import Score, bootstrap_interval
from latentarium.measures.suite import MEASURES, Measurements, measure

__all__ = [
    "MEASURES",
    "ElboParts",
    "Measurements",
    "ReportContent",
    "Score",
    "Section",
    "active_units",
    "aggregated_posterior_gap",
    "aggregated_posterior_mmd",
    "bits_per_dimension",
    "bootstrap_interval",
    "distortion",
    "importance_weighted_bound",
    "kl_per_dimension",
    "measure",
    "mse",
    "mse_between",
    "negative_elbo",
    "negative_elbo_parts",
    "neighbour_recall",
    "psnr",
    "psnr_between",
    "rate",
    "render_report",
    "ssim",
    "ssim_between",
    "trustworthiness",
]
