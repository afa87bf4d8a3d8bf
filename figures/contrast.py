"""A mixture energy fitted by noise contrast and by adversarial training, to a known mixture and to iris petals.

`python -m figures.contrast` trains with each method on both, which takes about twelve minutes, writes the parameters
beside this file, and prints the table. `python -m figures.contrast --table` prints that of the parameters saved.

Training against an adversary for a thousand noisy rounds (a game) ends differently on machines that round differently.
Each game is therefore played with five seeds: the figures show the first, the table the median and the range.

Every method starts from the three broad components of `figures.training`. It is judged by quantities that training does
not use: the partition function, and the divergence from the truth or the log-likelihood of the petals, by quadrature.

What the tables show. If the noise is drawn once, the learned log Z is right to an eighth of a nat. A game of a thousand
updates has not converged. Against a flow, log Z minimises the loss for the current energy, and that is the partition
function only if the energy is right: on the petals it is half a nat off. Continued with that flow held fixed, L-BFGS
reaches, in the median, what the best noise reaches. The adversarial bound is tight, since q follows the energy, but the
energy stays on a plateau where two components share the upper mode; exact likelihood leaves it in 50 steps. Conditional
NCE sees both groups of petals, which lie far apart, only through its largest steps, and gives one of them twice its
weight; with another draw of its noise it reached -0.68.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import autograd.numpy as np
import numpy
from autograd.misc import flatten

from figures import training
from figures.certified import means
from figures.tables import markdown, number, spread, trained
from refebm import (
    Gaussian,
    GaussianMixture,
    RealNVP,
    conditional_noise_contrastive,
    log_partition,
    minimise,
    noise_contrastive,
    train_flow_contrastive,
    train_variational_bound,
)

SAVED = Path(__file__).parent / "contrast.npz"
SEED, SEEDS, ROWS, NU, TOLERANCE = 4, 5, 1000, 10, 1e-5
EPS = 1.0  # in y = x + eps z of conditional NCE, in units of the data's deviation: large enough to reach other modes
COUPLINGS, HIDDEN = 4, 24
BATCH, EVERY, SNAPSHOTS = 250, 50, (0, 100, 300)
STAGES = ((700, 1e-2), (300, 2e-3))  # (updates, step size): shorter steps at the end let the game settle

TRUTH = GaussianMixture(
    [0.5, 0.3, 0.2],
    [[-1.0, -0.5], [1.2, -0.6], [0.3, 1.4]],
    [[[0.30, 0.12], [0.12, 0.20]], [[0.12, -0.06], [-0.06, 0.25]], [[0.40, 0.0], [0.0, 0.08]]],
)
DATA = {"mixture": TRUTH.sample(numpy.random.default_rng(SEED), ROWS), "petals": training.X}
LOG_P = TRUTH.log_prob(training.LATTICE)
P = np.exp(LOG_P + training.LOG_CELL)
Z_WEIGHTS = np.exp(Gaussian(np.zeros(2), 1.0).log_prob(training.LATTICE) + training.LOG_CELL)


class Training(NamedTuple):
    """The result of one method.

    parameters: of the energy. log_z: the one that noise contrast learns, else nan. seconds: of processor time.
    For a game also: curve (k, 4), the number of updates, the quality of energy and flow, and KL(flow|energy);
    flows: the parameters of the flow, flat, after SNAPSHOTS and at the end; others: the `summary` of the other seeds.
    """

    parameters: dict
    log_z: float
    seconds: float
    curve: np.ndarray = np.zeros((0, 4))
    flows: np.ndarray = np.zeros((0, 0))
    others: np.ndarray = np.zeros((0, 3))


def flow_start(seed: int = SEED) -> tuple:
    """Couplings that do not change z, so that the flow is N(0, I)."""
    rng, out = np.random.default_rng(seed), (np.zeros((HIDDEN, 4)), np.zeros(4))
    return tuple(((rng.standard_normal((2, HIDDEN)), rng.standard_normal(HIDDEN)), out) for _ in range(COUPLINGS))


FLAT, couplings = flatten(flow_start())


def log_density(parameters: dict, log_z: float) -> Callable:
    """-E - log Z."""
    energy = training.model(parameters)
    return lambda x: -energy(x) - log_z


OF_PARAMETERS = (  # energy, the flow's log-density, its points of z
    lambda theta, x: training.model(theta)(x),
    lambda phi, x: RealNVP(phi).log_prob(x),
    lambda phi, z: RealNVP(phi).sample(z),
)


def quality(name: str, log_prob: Callable) -> float:
    """KL from the truth on a lattice (less is better), or the mean log-likelihood of the petals (more is better)."""
    return np.sum(P * (LOG_P - log_prob(training.LATTICE))) if name == "mixture" else np.mean(log_prob(training.X))


def gap(parameters: dict, flow: RealNVP) -> float:
    """KL(q|p_model) = E_q[E + log q] + log Z, on a lattice of z, which the flow maps to points of q."""
    y = flow.sample(training.LATTICE)
    return np.sum(Z_WEIGHTS * (training.model(parameters)(y) + flow.log_prob(y))) + training.log_z(parameters)


def by_likelihood(x: np.ndarray) -> Training:
    """The reference: exact maximum likelihood."""
    began = time.process_time()

    def loss(parameters):
        return np.mean(training.model(parameters)(x)) + training.log_z(parameters)

    return Training(minimise(loss, training.start(), tolerance=TOLERANCE).parameters, np.nan, _since(began))


def by_contrast(x: np.ndarray, noise, y: np.ndarray, first: dict | None = None) -> Training:
    """NCE with noise drawn once, y (nu n, d): L-BFGS minimises this deterministic loss; log Z is a parameter."""
    began, y = time.process_time(), np.reshape(y, (NU, *x.shape))

    def loss(p):
        return np.mean(noise_contrastive(log_density(p["energy"], p["log_z"]), noise.log_prob, x, y))

    fit = minimise(loss, first or {"energy": training.start(), "log_z": 0.0}, tolerance=TOLERANCE).parameters
    return Training(fit["energy"], fit["log_z"], _since(began))


def against_gaussian(x: np.ndarray, width: float) -> Training:
    """Gaussian noise with the mean and covariance of the data, the deviations multiplied by `width`."""
    noise = Gaussian(np.mean(x, axis=0), width**2 * np.cov(x.T))
    return by_contrast(x, noise, noise.sample(np.random.default_rng(SEED), NU * len(x)))


def by_conditions(x: np.ndarray) -> Training:
    """Conditional NCE, which needs no log Z."""
    began = time.process_time()
    y = x + EPS * np.random.default_rng(SEED).standard_normal((NU, *x.shape))

    def loss(parameters):
        return np.mean(conditional_noise_contrastive(training.model(parameters), x, y))

    return Training(minimise(loss, training.start(), tolerance=TOLERANCE).parameters, np.nan, _since(began))


def by_game(x: np.ndarray, stage: Callable, seed: int) -> Training:
    """A procedure in stages, stage(parameters, flow, log_z, batch, updates, step size, generator, each) -> a fit."""
    began, rng, done, curve, flows = time.process_time(), np.random.default_rng(seed), 0, [], []
    name = "petals" if x is DATA["petals"] else "mixture"
    energy, flow, log_z, last = training.start(), flow_start(seed), 0.0, sum(updates for updates, _ in STAGES)

    def look(updates):
        if updates % EVERY == 0 or updates == last:
            of_energy = quality(name, log_density(energy, training.log_z(energy)))
            curve.append((updates, of_energy, quality(name, RealNVP(flow).log_prob), gap(energy, RealNVP(flow))))
        if updates in (*SNAPSHOTS, last):
            flows.append(flatten(flow)[0])

    def each(p, i):
        nonlocal energy, flow
        energy, flow, _ = taken_apart(p)
        look(done + i)

    for updates, step_size in STAGES:
        fit = stage(energy, flow, log_z, min(BATCH, len(x)), updates, step_size, rng, each=each)
        energy, flow, log_z = taken_apart(fit.parameters)
        done += updates
    look(done)
    return Training(energy, log_z, _since(began), np.array(curve), np.stack(flows))


def taken_apart(parameters: dict) -> tuple[dict, tuple, float]:
    """The parameters of a game: of the energy, of the flow, and log Z if it is learnt."""
    energy, flow = parameters.values()
    return (energy["energy"], flow, float(energy["log_z"])) if "log_z" in energy else (energy, flow, np.nan)


def by_flow_contrast(x: np.ndarray, seed: int = SEED) -> Training:
    """Flow contrastive estimation, Gao et al. 2020: the flow maximises the loss that the energy minimises, nu = 1."""

    def stage(parameters, phi, log_z, batch, *settings, each):
        options = {"log_z": log_z, "adam": True, "each": each}
        return train_flow_contrastive(x, *OF_PARAMETERS, parameters, phi, batch, *settings, **options)

    return by_game(x, stage, seed)


def by_flow_held(x: np.ndarray, game: Training, seed: int = SEED) -> Training:
    """Continue where a game ended with the flow held fixed, on noise drawn once, NU points for each row."""
    flow = RealNVP(couplings(game.flows[-1]))
    y = flow.sample(np.random.default_rng(seed).standard_normal((NU * len(x), 2)))
    return by_contrast(x, flow, y, {"energy": game.parameters, "log_z": game.log_z})


def by_bound(x: np.ndarray, seed: int = SEED) -> Training:
    """The variational bound: the energy maximises it, the flow minimises it."""

    def stage(parameters, phi, _, batch, *settings, each):
        return train_variational_bound(x, *OF_PARAMETERS, parameters, phi, batch, *settings, adam=True, each=each)

    return by_game(x, stage, seed)


def _since(began: float) -> float:
    return time.process_time() - began


METHODS = {
    "exact likelihood": by_likelihood,
    "NCE, noise of the data's moments": lambda x: against_gaussian(x, 1.0),
    "NCE, noise twice as wide": lambda x: against_gaussian(x, 2.0),
    "conditional NCE": by_conditions,
}
GAME, HELD, BOUND = GAMES = ("NCE against a flow", "NCE, that flow held", "adversarial bound")
NAMES = (*METHODS, *GAMES)


def play(x: np.ndarray, seed: int) -> dict[str, Training]:
    """Play the games, and run the method that continues where one of them ended."""
    game = by_flow_contrast(x, seed)
    return {GAME: game, HELD: by_flow_held(x, game, seed), BOUND: by_bound(x, seed)}


def train(data: str) -> dict[str, Training]:
    """Train with each method; play the games with several seeds, of which only the first is kept in full."""
    x = DATA[data]
    first, *others = (play(x, seed) for seed in range(SEED, SEED + SEEDS))
    told = {name: np.array([summary(data, name, other[name]) for other in others]) for name in GAMES}
    games = {name: game._replace(others=told[name]) for name, game in first.items()}
    return {name: method(x) for name, method in METHODS.items()} | games


def save(trainings: dict[str, dict[str, Training]]) -> None:
    """Save what the tables and the figures need."""
    numpy.savez(
        SAVED,
        **{
            f"{data}/{name}/{part}": value
            for data, methods in trainings.items()
            for name, t in methods.items()
            for part, value in {**t.parameters, **t._asdict()}.items()
            if part != "parameters"
        },
    )


def saved() -> dict[str, dict[str, Training]]:
    """The saved trainings."""
    with numpy.load(SAVED) as file:
        parts = {key: file[key] for key in file}

    def one(at):
        parameters = {part: parts[f"{at}/{part}"] for part in training.start()}
        rest = {part: parts[f"{at}/{part}"] for part in Training._fields[1:]}
        return Training(parameters, **{part: value if value.ndim else float(value) for part, value in rest.items()})

    return {data: {name: one(f"{data}/{name}") for name in NAMES} for data in DATA}


def exact_quality(data: str, log_prob: Callable) -> float:
    """As `quality`, by the certified rule."""
    if data == "mixture":
        return means([lambda x: TRUTH.log_prob(x) - log_prob(x)], TRUTH)[0]
    return np.mean(log_prob(training.X))


def summary(data: str, name: str, t: Training) -> tuple[float, float, float]:
    """log Z as the method estimates it, log Z by refebm.log_partition, and the quality, in nats."""
    log_z = log_partition(training.model(t.parameters), 2)
    own = log_z - t.curve[-1, 3] if name == BOUND else t.log_z
    return own, log_z, exact_quality(data, log_density(t.parameters, log_z))


def table(trainings: dict[str, dict[str, Training]]) -> str:
    """A row for each method; for the games the median and the range over all seeds."""
    words = {"mixture": "KL to the truth", "petals": "log-likelihood"}
    heads = ["", *(head for data in DATA for head in (f"{data}: log Z", "by quadrature", words[data]))]
    rows = []
    for name in NAMES:
        cells = [f"{name}, 1,000 updates" if name in (GAME, BOUND) else name]
        for data in DATA:
            t = trainings[data][name]
            columns = zip(np.array([summary(data, name, t), *t.others]).T, (2, 2, 3))
            cells += [spread(column, digits) if name in GAMES else number(column[0]) for column, digits in columns]
        rows.append(cells)
    return markdown(heads, rows)


if __name__ == "__main__":
    trained("contrast", __doc__, lambda: save({data: train(data) for data in DATA}), lambda: table(saved()))
