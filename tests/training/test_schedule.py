"""The schedule is a pure function of the step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentarium.training.schedule import LOWEST_RATE, Plan, learning_rate, pretrain_steps, ramp, warmed_up
from latentarium.training.settings import FitSettings


def plan(steps: int) -> Plan:
    return Plan(
        steps=steps,
        validate_every=10,
        checkpoint_every=10,
        precision="fp32",
        compile=False,
        threads=1,
        device="cpu",
        processes=1,
    )


def test_the_rate_warms_up_and_decays_to_a_hundredth() -> None:
    settings = FitSettings.make(learning_rate=1.0, warmup=0.1)
    rates = [learning_rate(settings, plan(1000), step) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[49] == pytest.approx(0.5)
    assert max(rates) == rates[100] == pytest.approx(1.0)
    assert rates[550] == pytest.approx(0.505, abs=1e-3)
    assert rates[-1] == pytest.approx(LOWEST_RATE, rel=1e-2)
    assert all(a >= b for a, b in zip(rates[100:], rates[101:], strict=False))


def test_a_fit_in_two_stages() -> None:
    """Each has a rate that rises and falls; the KL term, its free nats and the warm-up belong to the second."""
    settings = FitSettings.make(
        learning_rate=1.0, pretrain=0.4, kl_start=0.02, kl_warmup=0.5, free_rate=8.0, free_until=0.5, warmup=0.1
    )
    assert pretrain_steps(settings, plan(1000)) == 400
    rates = [learning_rate(settings, plan(1000), step) for step in range(1000)]
    assert max(rates[:400]) == rates[40] == max(rates[400:]) == rates[460] == pytest.approx(1.0)
    assert rates[399] < 0.02
    assert rates[400] == pytest.approx(1 / 60)
    ramps = [ramp(settings, plan(1000), step) for step in range(1000)]
    assert {(r.kl, r.free_nats, r.free_rate) for r in ramps[:400]} == {(0.02, 0.0, 0.0)}
    assert ramps[400].kl == pytest.approx(0.02)
    assert ramps[550].kl == pytest.approx(0.51)
    assert {r.kl for r in ramps[700:]} == {1.0}
    assert {r.free_rate for r in ramps[400:]} == {8.0}
    assert [warmed_up(settings, plan(1000), step) for step in (400, 699, 700)] == [False, False, True]
    assert pretrain_steps(settings, plan(1)) == 0


@given(steps=st.integers(1, 5000), warmup=st.floats(0, 1), data=st.data())
def test_the_rate_is_positive_and_at_most_the_peak(steps: int, warmup: float, data: st.DataObject) -> None:
    step = data.draw(st.integers(0, steps - 1))
    rate = learning_rate(FitSettings.make(learning_rate=0.5, warmup=warmup), plan(steps), step)
    assert 0 < rate <= 0.5 + 1e-12


def test_the_kl_term_ramps_up_and_its_free_nats_run_out() -> None:
    settings = FitSettings.make(kl_warmup=0.1, free_nats=0.05, free_until=0.4)
    at = [ramp(settings, plan(100), step) for step in range(101)]
    assert [at[0].kl, at[5].kl, at[10].kl, at[100].kl] == pytest.approx([0, 0.5, 1, 1])
    assert [at[0].free_nats, at[20].free_nats, at[40].free_nats] == pytest.approx([0.05, 0.025, 0])
    assert not warmed_up(settings, plan(100), 39)
    assert warmed_up(settings, plan(100), 40)


def test_the_kl_term_can_begin_high_and_fall_by_a_constant_ratio() -> None:
    settings = FitSettings.make(kl_start=16.0, kl_warmup=0.8)
    at = [ramp(settings, plan(100), step).kl for step in (0, 20, 40, 80, 100)]
    assert at == pytest.approx([16, 8, 4, 1, 1])
    half = FitSettings.make(kl_start=0.5, kl_warmup=0.5)
    assert [ramp(half, plan(10), step).kl for step in (0, 2, 5)] == pytest.approx([0.5, 0.7, 1])


def test_warm_ups_of_length_zero_start_at_the_plain_bound() -> None:
    settings = FitSettings.make(kl_warmup=0.0, free_until=0.0, free_nats=3.0)
    first = ramp(settings, plan(10), 0)
    assert (first.kl, first.free_nats) == (1.0, 0.0)
    assert warmed_up(settings, plan(10), 0)


@given(steps=st.integers(1, 3000), share=st.floats(0, 1))
def test_the_last_step_is_always_warmed_up(steps: int, share: float) -> None:
    assert warmed_up(FitSettings.make(kl_warmup=share, free_until=share), plan(steps), steps)


def test_a_plan_survives_json() -> None:
    assert Plan.from_json(plan(7).to_json()) == plan(7)
