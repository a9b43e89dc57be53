"""Benchmarks of what a latent space is put to work for."""
