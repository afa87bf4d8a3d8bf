"""A mixture energy fitted to iris petals by exact likelihood, contrastive divergence, and chains that are kept.

`python -m figures.training` trains with each method, which takes about two minutes, writes the parameters beside this
file, and prints the table. `python -m figures.training --table` prints the table of those parameters.

Every method starts from the same three broad components, and is judged by its exact log-likelihood: the partition
function by quadrature. The petals of one species lie apart, so tight that chains of this step hardly ever cross.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import autograd.numpy as np
import numpy
from autograd.scipy.special import logsumexp

from figures.tables import markdown, number
from refebm import (
    Model,
    ReplayBuffer,
    contrastive_divergence,
    log_partition,
    mala_step,
    metropolis_tape,
    minimise,
    minimise_noisy,
    negative_log_likelihood,
    replay_tape,
    run,
)
from refebm.calculus import held
from refebm.data import read_columns

FOLDER = Path(__file__).parent
SAVED = FOLDER / "training.npz"
COLUMNS = ["petal_length", "petal_width"]
APART = 2.5  # cm: between the petals of the first species, up to 1.9 long, and those of the others, from 3.0
SEED, COMPONENTS = 4, 3
UPDATES, STEP_SIZE, EVERY = 3000, 3e-3, 50
ETA = 0.01  # the variance of the tight species' petal length
CAPACITY, FRACTION = 10_000, 0.01


def _petals() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Standardised lengths and widths, and their means and deviations in cm."""
    cm = read_columns(FOLDER.parent / "tests" / "data" / "iris.csv", COLUMNS).points
    mean, deviation = np.mean(cm, axis=0), np.std(cm, axis=0)
    return (cm - mean) / deviation, mean, deviation


X, MEAN, DEVIATION = _petals()
AXIS = np.linspace(-6.0, 6.0, 161)
LATTICE = np.stack(np.meshgrid(AXIS, AXIS), axis=-1).reshape(-1, 2)
LOG_CELL = 2 * np.log(AXIS[1] - AXIS[0])


def model(parameters: dict) -> Model:
    """-log sum_k exp(a_k - 1/2 (x - m_k)^T A_k A_k^T (x - m_k)): no weights, and not normalised."""
    factors = parameters["factors"]
    precisions = np.matmul(factors, np.swapaxes(factors, 1, 2))
    return Model("mixture", {"logits": parameters["logits"], "means": parameters["means"], "precisions": precisions})


def start() -> dict:
    """Broad components, which overlap."""
    means = np.random.default_rng(SEED).standard_normal((COMPONENTS, 2))
    return {"logits": np.zeros(COMPONENTS), "means": means, "factors": np.stack([np.eye(2)] * COMPONENTS)}


def log_z(parameters: dict, x: np.ndarray = LATTICE) -> float:
    """log of the integral by the trapezoid rule on a fixed lattice, or on part of it."""
    return logsumexp(-model(parameters)(x)) + LOG_CELL


def log_likelihood(parameters: dict) -> float:
    """Mean over the flowers, exact."""
    return -np.mean(negative_log_likelihood(model(parameters), log_z(parameters), X))


class Training(NamedTuple):
    """What came of one method: its parameters, and the log-likelihood after some of its updates."""

    parameters: dict
    updates: np.ndarray
    log_likelihoods: np.ndarray


def by_likelihood() -> Training:
    """Exact."""
    fit = minimise(lambda parameters: -log_likelihood(parameters), start(), tolerance=1e-6)
    return Training(fit.parameters, np.arange(len(fit.history)), -fit.history)


def by_samples(samples: Callable) -> Training:
    """samples(energy, rng) -> x_model: the choice of chains is the method."""
    rng, updates, curve = np.random.default_rng(SEED), [], []

    def loss(parameters, i):
        fixed = model({name: held(value) for name, value in parameters.items()})
        return np.mean(contrastive_divergence(model(parameters), X, samples(fixed, rng)))

    def each(parameters, i):
        if i % EVERY == 0:
            updates.append(i)
            curve.append(log_likelihood(parameters))

    fit = minimise_noisy(loss, start(), UPDATES, STEP_SIZE, each=each)
    return Training(fit.parameters, np.array([*updates, UPDATES]), np.array([*curve, log_likelihood(fit.parameters)]))


def chains(energy: Callable, x: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """The states after k steps of MALA."""
    return run(lambda x, z, u: mala_step(energy, x, ETA, z, u), x, metropolis_tape(rng, k, *x.shape)).x


def from_the_data(k: int) -> Callable:
    """Contrastive divergence, Hinton 2002."""
    return lambda energy, rng: chains(energy, X, k, rng)


def carried_on(k: int) -> Callable:
    """Persistent contrastive divergence, Tieleman 2008."""
    last = []

    def samples(energy, rng):
        x = last.pop() if last else rng.standard_normal(X.shape)
        last.append(chains(energy, x, k, rng))
        return last[0]

    return samples


def from_a_buffer(k: int) -> Callable:
    """A replay buffer, Du and Mordatch 2019, which begins full of fresh points."""
    buffers = []

    def samples(energy, rng):
        buffer = buffers.pop() if buffers else ReplayBuffer(rng.standard_normal((CAPACITY, 2)), CAPACITY)
        fresh, u = rng.standard_normal(X.shape), replay_tape(rng, 1, len(X))[0]
        x = chains(energy, buffer.start(fresh, FRACTION, u), k, rng)
        buffers.append(buffer.push(x))
        return x

    return samples


METHODS = {
    "exact likelihood": by_likelihood,
    "CD-1": lambda: by_samples(from_the_data(1)),
    "CD-10": lambda: by_samples(from_the_data(10)),
    "persistent CD-10": lambda: by_samples(carried_on(10)),
    "replay buffer, k = 10": lambda: by_samples(from_a_buffer(10)),
}


def save(trainings: dict[str, Training]) -> None:
    """All that the table and the figure need."""
    numpy.savez(
        SAVED,
        **{
            f"{name}/{part}": value
            for name, t in trainings.items()
            for part, value in {**t.parameters, "updates": t.updates, "log_likelihoods": t.log_likelihoods}.items()
        },
    )


def saved() -> dict[str, Training]:
    """The trainings as they were saved."""
    with numpy.load(SAVED) as file:
        return {
            name: Training(
                {part: file[f"{name}/{part}"] for part in ("logits", "means", "factors")},
                file[f"{name}/updates"],
                file[f"{name}/log_likelihoods"],
            )
            for name in METHODS
        }


def short_petals(parameters: dict) -> float:
    """The probability of a petal shorter than APART; a third of the flowers have one."""
    short = LATTICE[LATTICE[:, 0] * DEVIATION[0] + MEAN[0] < APART]
    return np.exp(log_z(parameters, short) - log_z(parameters))


def table(trainings: dict[str, Training]) -> str:
    """Log-likelihoods per flower, in nats, with the partition function that refebm.log_partition certifies."""
    rows = []
    for name, training in trainings.items():
        certified = log_partition(model(training.parameters), 2)
        value = -np.mean(negative_log_likelihood(model(training.parameters), certified, X))
        rows.append([name, number(value), number(certified), number(short_petals(training.parameters))])
    short = np.mean(X[:, 0] * DEVIATION[0] + MEAN[0] < APART)
    return markdown(["", "log-likelihood", "log Z", "P(short petal)"], [*rows, ["the flowers", "", "", number(short)]])


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and save, or only show."""
    parser = argparse.ArgumentParser(prog="python -m figures.training", description=__doc__)
    parser.add_argument("--table", action="store_true", help="of the parameters that are there, without training")
    if not parser.parse_args(arguments).table:
        save({name: method() for name, method in METHODS.items()})
    print(table(saved()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
