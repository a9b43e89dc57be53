"""What is done with a bundle: evaluate, map, walk, and write the spec sheet."""
