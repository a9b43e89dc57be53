"""One contender of the fitting benchmark in a process of its own.

Each trains on the same 55,000 pictures and is stopped as soon as its bound on the same 5,000 validation pictures
reaches the target; time counts from the call that starts training, evaluation and compilation included. Only then
is the test split looked at, once. Prints one JSON line.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.common import chunks, fashion_mnist, floats, grey_elbo
from latentarium.data.rows import Rows

LATENT = 32
Result = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """The validation bound to reach, and the seconds after which a contender gives up."""

    target: float
    cap: float

    def over(self, value: float, spent: float) -> bool:
        return value <= self.target or spent > self.cap

    def result(self, value: float, spent: float) -> Result:
        return {"seconds": spent if value <= self.target else float("inf"), "validation": value}


class Reached(Exception):
    """The contender is done; ends a training loop from inside its callback."""


@torch.no_grad()
def bound(decode: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]], x: Tensor) -> float:
    """Mean negative ELBO of rows `x`; `decode` gives probabilities, mean and log variance for one draw of z."""
    total = 0.0
    for part in chunks(x):
        probabilities, mean, log_variance = decode(part)
        total += grey_elbo(probabilities, part, mean, log_variance) * len(part)
    return total / len(x)


def latentarium(rows: Rows, target: float, *, steps: int) -> Result:
    """Our own fit with a schedule of `steps`, validated at its end alone."""
    from latentarium.training.fit import train
    from latentarium.training.loop import Event
    from latentarium.training.settings import FitSettings

    settings = FitSettings.make(
        latent=LATENT, steps=steps, learning_rate=4e-3, validations=1, validation_rows=5000, likelihood="bernoulli"
    )
    found: Result = {}
    began = time.perf_counter()

    def hear(event: Event) -> None:
        if event.kind == "validation":
            value = event.record["negative_elbo"]
            sys.stderr.write(f"  {time.perf_counter() - began:6.1f} s  {value:.2f}\n")
            if value <= target and not found:
                found.update(seconds=time.perf_counter() - began, validation=value)

    fitted = train(rows, settings, callback=hear)
    model = fitted.model

    def decode(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = model.posterior(x)
        return model.decode(mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)), mean, log_variance

    found.setdefault("seconds", float("inf"))
    return {**found, "test": bound(decode, floats(rows, "test"))}


def plain_loop(rows: Rows, goal: Goal, *, batch_size: int, learning_rate: float) -> Result:
    """What people write by hand: a DataLoader, Adam, the same network, float32."""
    from torch.utils.data import DataLoader, TensorDataset

    from latentarium.models.autoencoder import Architecture, build

    torch.manual_seed(0)
    began = time.perf_counter()
    train_x, validation_x = floats(rows, "train"), floats(rows, "validation")
    architecture = Architecture(latent=LATENT, likelihood="bernoulli")
    model = build(architecture.settle(rows.modality, rows.array(rows.splits["train"][:100])), rows.modality)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)

    def decode(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, log_variance = model.posterior(x)
        return model.decode(mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)), mean, log_variance

    while True:
        model.train()
        for (x,) in DataLoader(TensorDataset(train_x), batch_size=batch_size, shuffle=True):
            mean, log_variance = model.posterior(x)
            z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
            distortion = nn.functional.binary_cross_entropy_with_logits(model.decoder(z), x, reduction="sum")
            kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
            loss = (distortion + kl) / len(x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        value = bound(decode, validation_x)
        spent = time.perf_counter() - began
        sys.stderr.write(f"  {spent:6.1f} s  {value:.2f}\n")
        if goal.over(value, spent):
            return {**goal.result(value, spent), "test": bound(decode, floats(rows, "test"))}


def pythae(rows: Rows, goal: Goal, *, batch_size: int, learning_rate: float, conv: bool) -> Result:
    """pythae's own pipeline with its default MLP or its MNIST convolutional nets."""
    import numpy as np
    from pythae.models import VAE, VAEConfig
    from pythae.models.nn.benchmarks.mnist import Decoder_Conv_AE_MNIST, Encoder_Conv_VAE_MNIST
    from pythae.pipelines import TrainingPipeline
    from pythae.trainers import BaseTrainerConfig
    from pythae.trainers.training_callbacks import TrainingCallback

    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENT, reconstruction_loss="bce")
    nets = {"encoder": Encoder_Conv_VAE_MNIST(config), "decoder": Decoder_Conv_AE_MNIST(config)} if conv else {}
    model = VAE(config, **nets)

    def decode(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        encoded = model.encoder(x)
        mean, log_variance = encoded.embedding, encoded.log_covariance
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return model.decoder(z).reconstruction, mean, log_variance

    found: Result = {}
    began = time.perf_counter()

    class Stop(TrainingCallback):
        def on_log(self, training_config: Any, logs: Any, **kwargs: Any) -> None:
            value = float(logs["eval_epoch_loss"])
            spent = time.perf_counter() - began
            sys.stderr.write(f"  {spent:6.1f} s  {value:.2f}\n")
            if goal.over(value, spent):
                found.update(goal.result(value, spent))
                raise Reached

        def on_train_step_end(self, training_config: Any, **kwargs: Any) -> None:
            spent = time.perf_counter() - began
            if spent > goal.cap:
                found.update(seconds=float("inf"), validation=float("inf"))
                raise Reached

    with tempfile.TemporaryDirectory() as folder:
        training = BaseTrainerConfig(
            output_dir=folder, num_epochs=1000, learning_rate=learning_rate,
            per_device_train_batch_size=batch_size, per_device_eval_batch_size=500, steps_saving=None, no_cuda=True,
        )  # fmt: skip
        pipeline = TrainingPipeline(model=model, training_config=training)
        try:
            pipeline(
                train_data=np.asarray(floats(rows, "train")),
                eval_data=np.asarray(floats(rows, "validation")),
                callbacks=[Stop()],
            )
        except Reached:
            model.eval()
    return {**found, "test": bound(decode, floats(rows, "test"))}


def run(name: str, goal: Goal, steps: int) -> Result:
    """Run the contender called `name`: latentarium, plain-BATCH-RATE, pythae-mlp-BATCH-RATE, pythae-conv-BATCH-RATE."""
    torch.set_num_threads(2)
    rows = fashion_mnist()
    if name == "latentarium":
        return latentarium(rows, goal.target, steps=steps)
    kind, *rest = name.split("-")
    batch_size, learning_rate = int(rest[-2]), float(rest[-1])
    if kind == "plain":
        return plain_loop(rows, goal, batch_size=batch_size, learning_rate=learning_rate)
    return pythae(rows, goal, batch_size=batch_size, learning_rate=learning_rate, conv=rest[0] == "conv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--target", type=float, default=245.0)
    parser.add_argument("--cap", type=float, default=300.0)
    parser.add_argument("--steps", type=int, default=300)
    given = parser.parse_args()
    print(json.dumps(run(given.name, Goal(given.target, given.cap), given.steps)))


if __name__ == "__main__":
    main()
