"""Curves of melodies, their likelihood, and the recurrent one: probabilities that add up, and loops that agree."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentarium.nn.likelihoods import Melody, Recurrent
from latentarium.nn.melodies import CURVES, MIDDLE, OUTPUTS, SEMITONES, MelodyDecoder, MelodyEncoder, curves, sounding
from latentarium.nn.recurrent import Conductor, EveryStep, FoldingEncoder

# silence, then C for two sixteenths, silence, and E to the end of the bar
BAR = torch.tensor([[0, 0, 41, 1, 0, 0, 0, 0, 45, *[1] * 7]])


def one_hot(symbols: Tensor, count: int = 90) -> Tensor:
    return F.one_hot(symbols, count).transpose(1, 2).float()


def drawn(count: int, symbols: int, steps: int) -> Tensor:
    return torch.randint(0, symbols, (count, steps), generator=torch.Generator().manual_seed(0))


def test_curves_of_a_melody() -> None:
    contour, onsets, rests = curves(BAR)[0]
    pitches = (contour * SEMITONES + MIDDLE).round().tolist()
    assert pitches == [41.0] * 8 + [45.0] * 8
    assert onsets.nonzero().flatten().tolist() == [2, 8]
    assert rests.nonzero().flatten().tolist() == [0, 1, 4, 5, 6, 7]
    assert sounding(BAR)[0].tolist() == [0, 0, 41, 41, 0, 0, 0, 0, *[45] * 8]


def test_a_row_without_notes_has_the_middle() -> None:
    assert (curves(torch.zeros(1, 16, dtype=torch.int64))[0, 0] == 0).all()
    assert (curves(torch.ones(1, 16, dtype=torch.int64))[0, 0] == 0).all()


def test_curves_alone_are_the_melody_again() -> None:
    likelihood = Melody()
    params = torch.zeros(1, OUTPUTS, 16)
    params[:, :CURVES] = curves(BAR)
    params[:, CURVES] = 3.0
    assert likelihood.mean(params).argmax(1).tolist() == BAR.tolist()


def test_melody_probabilities_add_up_and_are_what_is_scored_and_drawn() -> None:
    generator = torch.Generator().manual_seed(0)
    likelihood = Melody()
    params = torch.randn(3, OUTPUTS, 32, generator=generator)
    chances = likelihood.mean(params)
    assert chances.shape == (3, 90, 32)
    assert torch.allclose(chances.sum(1), torch.ones(3, 32), atol=1e-5)
    likeliest = one_hot(chances.argmax(1))
    expected = (chances * likeliest).sum(1).log().sum(1)
    assert torch.allclose(likelihood.log_prob(params, likeliest), expected, rtol=1e-4)
    many = likelihood.sample(params[:1].expand(4000, -1, -1), generator)
    assert (many.sum(1) == 1).all()
    assert (many.mean(0) - chances[0]).abs().max() < 0.04


def test_extreme_outputs_stay_finite() -> None:
    likelihood = Melody()
    params = torch.full((1, OUTPUTS, 16), 200.0, requires_grad=True)
    score = likelihood.log_prob(params, one_hot(BAR))
    score.sum().backward()
    assert torch.isfinite(score).all()
    assert params.grad is not None
    assert torch.isfinite(params.grad).all()


def test_melody_nets_of_any_number_of_bars() -> None:
    for bars in (1, 2, 5):
        size = {"steps": 16 * bars, "width": 16, "depth": 1}
        x = one_hot(drawn(2, 90, 16 * bars))
        assert MelodyEncoder(outputs=6, **size)(x).shape == (2, 6)
        assert MelodyDecoder(latent=3, **size)(torch.zeros(2, 3)).shape == (2, OUTPUTS, 16 * bars)


def test_a_phrase_is_written_from_its_own_vector() -> None:
    """Apart from the linear path the net of phrases sees nothing but what the conductor says of the phrase."""
    decoder = MelodyDecoder(steps=64, latent=3, width=16, depth=1, linear=False)
    with torch.no_grad():
        before = decoder(torch.ones(1, 3))
        half = len(decoder.conductor.bias) // 2
        decoder.conductor.bias[half:] += 1
        after = decoder(torch.ones(1, 3))
    changed = (before != after).any(1)[0]
    assert not changed[:32].any()
    assert changed[32:].all()


def test_recurrent_loops_agree() -> None:
    """Reading its own symbols by teacher forcing gives the probabilities of the free run."""
    generator = torch.Generator().manual_seed(1)
    for restart in (0, 8):
        likelihood = Recurrent(7, width=12, restart=restart).eval()
        params = torch.randn(5, 12, 24, generator=generator)
        with torch.no_grad():
            free = likelihood.mean(params)
            again = likelihood.logits(params, one_hot(free.argmax(1), 7)).exp()
        assert torch.allclose(free, again, atol=1e-5)
        assert torch.allclose(free.sum(1), torch.ones(5, 24), atol=1e-5)


def test_a_bar_forgets_the_ones_before() -> None:
    likelihood = Recurrent(7, width=12, restart=8).eval()
    params = torch.randn(2, 12, 16, generator=torch.Generator().manual_seed(0))
    symbols = drawn(2, 7, 16)
    other = symbols.clone()
    other[:, :7] = (other[:, :7] + 1) % 7
    with torch.no_grad():
        first, second = (likelihood.logits(params, one_hot(s, 7)) for s in (symbols, other))
    assert torch.allclose(first[:, :, 8:], second[:, :, 8:], atol=1e-6)
    assert not torch.allclose(first[:, :, 1:8], second[:, :, 1:8], atol=1e-3)


def test_a_row_is_over_at_its_end() -> None:
    """What stands behind the end costs nothing, is certain, and is the same in training and in loops."""
    likelihood = Recurrent(7, width=12, end=0, dropped=0.0).eval()
    params = 3 * torch.randn(6, 12, 20, generator=torch.Generator().manual_seed(2))
    symbols = drawn(6, 7, 20)
    symbols[:4, 5] = 0
    other = symbols.clone()
    other[:4, 6:] = (other[:4, 6:] + 1) % 7
    with torch.no_grad():
        free = likelihood.mean(params)
        first, second = (likelihood.log_prob(params, one_hot(s, 7)) for s in (symbols, other))
        again = likelihood.logits(params, one_hot(free.argmax(1), 7)).exp()
        proper = symbols.masked_fill((symbols == 0).cumsum(1) > 0, 0)
        logits = likelihood.logits(params, one_hot(proper, 7))
        trained = likelihood.train().log_prob(params, one_hot(symbols, 7))
    assert torch.equal(first, second)
    assert torch.allclose(first, trained, atol=1e-5)
    assert torch.allclose(first, (logits * one_hot(proper, 7)).sum((1, 2)), atol=1e-5)
    assert torch.allclose(free, again, atol=1e-5)
    written = free.argmax(1)
    assert (written == 0).any()
    for row in written:
        ends = (row == 0).nonzero()
        assert not len(ends) or (row[int(ends[0]) :] == 0).all()
    drawn_rows = likelihood.eval().sample(params, torch.Generator().manual_seed(0)).argmax(1)
    behind = (drawn_rows == 0).cumsum(1) > 0
    assert (drawn_rows[behind] == 0).all()


def test_training_hides_symbols_by_seed() -> None:
    likelihood = Recurrent(7, width=12).train()
    params, x = torch.zeros(4, 12, 30), one_hot(drawn(4, 7, 30), 7)

    def score(seed: int) -> list[float]:
        likelihood.stir(torch.Generator().manual_seed(seed))
        return likelihood.log_prob(params, x).tolist()

    assert score(0) == score(0) != score(1)


def test_recurrent_nets() -> None:
    for steps in (5, 32, 41):
        x = one_hot(drawn(2, 9, steps), 9)
        assert FoldingEncoder(symbols=9, steps=steps, width=8, outputs=6)(x).shape == (2, 6)
    every = EveryStep(latent=3, width=8, steps=32)(torch.ones(2, 3))
    assert every.shape == (2, 8, 32)
    assert (every == every[:, :, :1]).all()
    bars = Conductor(latent=3, width=8, bars=4, steps=32)(torch.ones(2, 3))
    parts = bars.unflatten(2, (4, 8))
    assert (parts == parts[..., :1]).all()
    assert len(np.unique(parts[0, 0, :, 0].detach().numpy())) == 4
