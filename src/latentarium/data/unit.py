"""Arrays of values from 0 to 1."""


class UnitRange:
    """Of a kind of data whose arrays hold values from 0 to 1."""

    @property
    def low(self) -> float:
        return 0.0

    @property
    def high(self) -> float:
        return 1.0
