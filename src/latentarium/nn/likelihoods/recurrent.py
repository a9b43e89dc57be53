"""A likelihood of rows of symbols in which each depends on those before it."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentarium.nn.likelihoods.base import Likelihood, rows_of

Pick = Callable[[Tensor], Tensor]
DROPPED = 0.25
"""Share of the symbols before that training hides, so that the code has to say what they would give away (Bowman et al.
2016)."""
CERTAIN = -100.0
"""Log probability of what cannot be, in numbers that a graph can hold."""


class Recurrent(Likelihood):
    """p(x|z) = prod_t p(x_t | x_<t, z): a GRU reads the symbol before and the step's context, which comes from z.

    `mean` runs freely: at each step the likeliest symbol is taken and read at the next one; it gives the probabilities
    met on this way, so that it needs no draw and is the same each time. `log_prob` reads the data's own symbols
    (teacher forcing).

    Parameters
    ----------
    symbols : how many there are
    width : of the context at each step, and of the GRU
    restart : steps after which the GRU forgets, so that a bar is written from its own context alone; 0 for never
    end : the symbol after which nothing comes but itself, and which then costs nothing; None where all rows are full
    dropped : share of the symbols before that training hides
    """

    name = "recurrent"
    stirred = True

    def __init__(
        self, symbols: int, *, width: int, restart: int = 0, end: int | None = None, dropped: float = DROPPED
    ) -> None:
        super().__init__()
        self.symbols, self.width, self.restart = symbols, width, restart
        self.end, self.dropped = end, dropped
        self.outputs = width
        self.embedding = nn.Embedding(symbols + 1, width)
        self.reader = nn.GRU(2 * width, width, batch_first=True)
        self.head = nn.Linear(2 * width, symbols)
        self._source: torch.Generator | None = None

    def stir(self, generator: torch.Generator) -> None:
        self._source = generator

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        symbols, context = x.argmax(1), params.float().transpose(1, 2)
        if self.end is None:
            return rows_of(self._logits(self._read(symbols, context)).gather(2, symbols[:, :, None]))
        written = _written(symbols, self.end)
        if self.training:
            # what lies behind every row's end is not looked at; otherwise a row could show which others are beside it
            longest = int(written.sum(1).max())
            symbols, context, written = symbols[:, :longest], context[:, :longest], written[:, :longest]
        read = self._read(symbols, context)
        found = torch.zeros_like(read[:, :, 0])
        scored = self._logits(read[written]).gather(1, symbols[written][:, None])[:, 0]
        return found.masked_scatter(written, scored).sum(1)

    def logits(self, params: Tensor, x: Tensor) -> Tensor:
        """Log probability of each symbol given those before it in `x`, (b, symbols, steps)."""
        symbols = x.argmax(1)
        found = self._logits(self._read(symbols, params.float().transpose(1, 2)))
        if self.end is not None:
            found = torch.where(_written(symbols, self.end)[:, :, None], found, self._ended(found))
        return found.transpose(1, 2)

    def _read(self, symbols: Tensor, context: Tensor) -> Tensor:
        """What is known at each step (b, steps, 2 width) from the symbols (b, steps) before it and its context."""
        inputs = torch.cat([self.embedding(self._before(symbols)), context], dim=2)
        length = self.restart or inputs.shape[1]
        parts = inputs.unflatten(1, (-1, length)).flatten(0, 1)
        read = self.reader(parts)[0].unflatten(0, (len(inputs), -1)).flatten(1, 2)
        return torch.cat([read, context], dim=2)

    def _logits(self, read: Tensor) -> Tensor:
        return self.head(read).float().log_softmax(-1)

    def _ended(self, like: Tensor) -> Tensor:
        """Log probabilities (.., symbols) once a row has ended."""
        ended = torch.arange(self.symbols, device=like.device) == self.end
        return torch.where(ended, 0.0, CERTAIN).to(like.dtype)

    def _before(self, symbols: Tensor) -> Tensor:
        """The symbol before each step; at the first one, and in training at some others, a sign for none."""
        before = F.pad(symbols[:, :-1], (1, 0), value=self.symbols)
        if not self.training or self._source is None:
            return before
        hidden = torch.rand(before.shape, generator=self._source, device=before.device) < self.dropped
        return before.masked_fill(hidden, self.symbols)

    def step(self, context: Tensor, before: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Log probabilities (b, symbols) of the next symbol and the new state (b, width), from the step's context
        (b, width), the symbol before (b,), or `symbols` at the first step, and the state, zeros at first.
        """
        inputs = torch.cat([self.embedding(before), context], dim=1)
        named = dict(self.reader.named_parameters())
        gates = F.linear(inputs, named["weight_ih_l0"], named["bias_ih_l0"])
        own = F.linear(state, named["weight_hh_l0"], named["bias_hh_l0"])
        reset, keep, new = gates.chunk(3, dim=1)
        own_reset, own_keep, own_new = own.chunk(3, dim=1)
        keep = torch.sigmoid(keep + own_keep)
        fresh = torch.tanh(new + torch.sigmoid(reset + own_reset) * own_new)
        state = (1 - keep) * fresh + keep * state
        found = self.head(torch.cat([state, context], dim=1)).log_softmax(1)
        if self.end is not None:
            found = torch.where((before == self.end)[:, None], self._ended(found), found)
        return found, state

    def mean(self, params: Tensor) -> Tensor:
        return self._run(params, lambda logits: logits.argmax(1))[0]

    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        def draw(logits: Tensor) -> Tensor:
            noise = torch.empty_like(logits).uniform_(1e-9, 1, generator=generator)
            return (logits - torch.log(-torch.log(noise))).argmax(1)

        symbols = self._run(params, draw)[1]
        return F.one_hot(symbols, self.symbols).transpose(1, 2).to(params.dtype)

    def _run(self, params: Tensor, pick: Pick) -> tuple[Tensor, Tensor]:
        """Probabilities (b, symbols, steps) on the way that `pick` goes, and its symbols (b, steps)."""
        context = params.float()
        state = torch.zeros_like(context[:, :, 0])
        before = torch.full_like(context[:, 0, 0], self.symbols, dtype=torch.int64)
        met: list[Tensor] = []
        picked: list[Tensor] = []
        for step in range(context.shape[2]):
            if self.restart and step % self.restart == 0:
                state = torch.zeros_like(state)
            logits, state = self.step(context[:, :, step], before, state)
            before = pick(logits)
            met.append(logits.exp())
            picked.append(before)
        return torch.stack(met, dim=2), torch.stack(picked, dim=1)


def _written(symbols: Tensor, end: int) -> Tensor:
    """Which steps of (b, steps) belong to the row: those up to its first `end`."""
    ends = symbols == end
    return (ends.cumsum(1) - ends.long()) == 0
