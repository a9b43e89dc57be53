"""Cost of the measures."""
