"""Lines of text: a decoder that reads its own symbols goes on asking the code, on real questions."""

from pathlib import Path

import numpy as np

from latentarium.data import open_texts
from latentarium.distributions import Normal
from latentarium.measures import mutual_information, rate
from latentarium.training.fit import train
from latentarium.training.save import space_of
from latentarium.training.settings import FitSettings


def test_codes_cost_and_know_several_nats_of_questions_that_were_not_trained_on(test_data: Path) -> None:
    rows = open_texts(test_data / "text/clinc150/data_full.json", pairs=512, size=16)
    settings = FitSettings.make(
        steps=600, batch_size=32, latent=16, width=64, learning_rate=4e-3, clip=5.0, kl_warmup=0.5, validations=2,
        validation_rows=256, threads=1,
    )  # fmt: skip
    fitted = train(rows, settings)
    space, x = space_of(fitted), rows.array(np.sort(rows.splits["test"])[::5])
    prior = Normal.standard(16)
    cost, known = rate(space, x, prior=prior), mutual_information(space, x, prior=prior)
    assert cost.interval[0] >= 4, cost
    assert known.interval[0] >= 3, known
    assert not fitted.alarms
