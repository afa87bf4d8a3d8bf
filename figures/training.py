"""A mixture energy fitted to iris petals by exact likelihood, score matching and all kinds of contrastive divergence.

`python -m figures.training` trains with each method, which takes about four minutes, writes the parameters beside this
file, and prints the table. `python -m figures.training --table` prints the table of those parameters.

Every method starts from the same three broad components, and is judged by the exact log-likelihood, with the partition
function by quadrature. The petals of one species form a tight group so far from the others that chains with this step
size almost never cross between them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import autograd.numpy as np
import numpy
from autograd.scipy.special import logsumexp

from figures.tables import markdown, number, trained
from refebm import (
    Model,
    ReplayBuffer,
    Step,
    log_partition,
    mala_step,
    metropolis_tape,
    minimise,
    negative_log_likelihood,
    score_of,
    train_contrastive_divergence,
    train_score_matching,
)
from refebm.data import read_columns

FOLDER = Path(__file__).parent
SAVED = FOLDER / "training.npz"
COLUMNS = ["petal_length", "petal_width"]
APART = 2.5  # cm: petals of the first species are at most 1.9 long, those of the others at least 3.0
SEED, COMPONENTS = 4, 3
UPDATES, STEP_SIZE, EVERY, BATCH = 3000, 3e-3, 50, 50
ETA = 0.01  # the variance of the petal length in the tight group
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
    """Broad components that overlap."""
    means = np.random.default_rng(SEED).standard_normal((COMPONENTS, 2))
    return {"logits": np.zeros(COMPONENTS), "means": means, "factors": np.stack([np.eye(2)] * COMPONENTS)}


def log_z(parameters: dict, x: np.ndarray = LATTICE) -> float:
    """The log of the integral of exp(-E) by the trapezoid rule on a fixed lattice, or on part of it."""
    return logsumexp(-model(parameters)(x)) + LOG_CELL


def log_likelihood(parameters: dict) -> float:
    """The exact log-likelihood, mean over the flowers."""
    return -np.mean(negative_log_likelihood(model(parameters), log_z(parameters), X))


class Training(NamedTuple):
    """The result of one method: its parameters, and the log-likelihood after some of its updates."""

    parameters: dict
    updates: np.ndarray
    log_likelihoods: np.ndarray


def by_likelihood() -> Training:
    """Exact maximum likelihood."""
    fit = minimise(lambda parameters: -log_likelihood(parameters), start(), tolerance=1e-6)
    return Training(fit.parameters, np.arange(len(fit.history)), -fit.history)


def by_chains(k: int, states: Callable = lambda rng: None) -> Training:
    """Contrastive divergence. states(rng): where chains start, if not at the data; methods differ in this choice."""

    def procedure(rng, **options):
        chains = states(rng)
        sizes = k, len(X), UPDATES, STEP_SIZE
        return train_contrastive_divergence(
            X, energy, step, start(), *sizes, rng, chains, FRACTION, tape=metropolis_tape, **options
        )

    return watched(procedure)


def by_score_matching(projections: int) -> Training:
    """Score matching: with the exact trace, or, if projections > 0, sliced."""

    def score(p, x):
        return score_of(model(p))(x)

    def procedure(rng, **options):
        return train_score_matching(X, score, start(), BATCH, UPDATES, STEP_SIZE, rng, projections, **options)

    return watched(procedure)


def watched(procedure: Callable) -> Training:
    """The result of a procedure with Adam, and the log-likelihood along the way."""
    updates, curve = [], []

    def each(parameters, i):
        if i % EVERY == 0:
            updates.append(i)
            curve.append(log_likelihood(parameters))

    fit = procedure(np.random.default_rng(SEED), adam=True, each=each)
    return Training(fit.parameters, np.array([*updates, UPDATES]), np.array([*curve, log_likelihood(fit.parameters)]))


def energy(parameters: dict, x: np.ndarray) -> np.ndarray:
    """The energy of the model."""
    return model(parameters)(x)


def step(parameters: dict, x: np.ndarray, z: np.ndarray, u: np.ndarray) -> Step:
    """A step of MALA."""
    return mala_step(model(parameters), x, ETA, z, u)


def noise(rng: np.random.Generator) -> np.ndarray:
    """Starts of persistent contrastive divergence, Tieleman 2008: noise."""
    return rng.standard_normal(X.shape)


def full_buffer(rng: np.random.Generator) -> ReplayBuffer:
    """A replay buffer full of fresh points, Du and Mordatch 2019."""
    return ReplayBuffer(rng.standard_normal((CAPACITY, 2)), CAPACITY)


METHODS = {
    "exact likelihood": by_likelihood,
    "score matching": lambda: by_score_matching(0),
    "sliced score matching": lambda: by_score_matching(1),
    "CD-1": lambda: by_chains(1),
    "CD-10": lambda: by_chains(10),
    "persistent CD-10": lambda: by_chains(10, noise),
    "replay buffer, k = 10": lambda: by_chains(10, full_buffer),
}


def save(trainings: dict[str, Training]) -> None:
    """Save what the table and the figure need."""
    numpy.savez(
        SAVED,
        **{
            f"{name}/{part}": value
            for name, t in trainings.items()
            for part, value in {**t.parameters, "updates": t.updates, "log_likelihoods": t.log_likelihoods}.items()
        },
    )


def saved() -> dict[str, Training]:
    """The saved trainings."""
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
    """Log-likelihoods per flower, in nats, with the partition function of refebm.log_partition."""
    rows = []
    for name, training in trainings.items():
        certified = log_partition(model(training.parameters), 2)
        value = -np.mean(negative_log_likelihood(model(training.parameters), certified, X))
        rows.append([name, number(value), number(certified), number(short_petals(training.parameters))])
    short = np.mean(X[:, 0] * DEVIATION[0] + MEAN[0] < APART)
    return markdown(["", "log-likelihood", "log Z", "P(short petal)"], [*rows, ["the flowers", "", "", number(short)]])


if __name__ == "__main__":
    trained(
        "training", __doc__, lambda: save({name: method() for name, method in METHODS.items()}), lambda: table(saved())
    )
