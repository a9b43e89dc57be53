"""Search by meaning: the rows whose codes are nearest, and the one that does not belong."""

from latentarium.applications.search.exact import nearest, odd_one_out
from latentarium.applications.search.rows import Hits, more_like, search_rows

__all__ = ["Hits", "more_like", "nearest", "odd_one_out", "search_rows"]
