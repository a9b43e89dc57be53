"""What models learn: disentanglement, modes, densities."""
