"""The explorer: its server under load, and the times of its page."""
