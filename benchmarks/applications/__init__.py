"""What the applications of a space are worth, beside the specialised tools."""
