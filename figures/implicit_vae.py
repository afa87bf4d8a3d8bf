"""An implicit variational autoencoder, trained by a score in the place of its entropy, beside the exact truth.

`python -m figures.implicit_vae` trains with five seeds, which takes two minutes, keeps what came out beside this file,
and prints the table; `python -m figures.implicit_vae --table` prints that of what is kept.

The data are of a linear Gaussian autoencoder, the decoder is linear too, and so the log-likelihood that it reaches has
a closed form; the best that any can reach is that of probabilistic PCA. The encoder is z = network(x, eps), of whose
law training sees samples alone: where it is linear the law is a Gaussian, and the ELBO, and its gap, are known as well.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import autograd.numpy as np
import numpy

from figures.tables import markdown, number, spread
from refebm import LinearGaussianVAE, implicit_negative_elbo, minimise, minimise_noisy, sliced_score_matching
from refebm.calculus import held
from refebm.models.networks import perceptron

SAVED = Path(__file__).parent / "implicit_vae.npz"
SEED, SEEDS, ROWS = 2019, 5, 200
TRUTH = LinearGaussianVAE([[1.2, 0.0], [0.8, -0.9], [-0.5, 0.7]], [0.5, -1.0, 0.0], 0.5)
D, K = TRUTH.d, TRUTH.k
X = TRUTH.marginal().sample(numpy.random.default_rng(SEED), ROWS)
HIDDEN, SCORE_HIDDEN = 16, 16
STAGES = ((300, 2e-2), (200, 5e-3), (100, 1e-3))  # steps of Adam and their size, for decoder and encoder
REFIT, COPIES, SCORE_STEPS = 5, 5, 10  # the score is fitted before every fifth, to 5 codes of each row, by L-BFGS


class Exact(NamedTuple):
    """Per row of data, in nats: log p(x) of the decoder, KL(q|posterior), and E |s - s_q|^2 of the score model."""

    log_likelihood: float
    gap: float
    score_error: float


class Training(NamedTuple):
    """The parameters; and updates (k,) with what was `Exact` after them (k, 3)."""

    parameters: dict
    updates: np.ndarray
    curve: np.ndarray


def layer(rng: np.random.Generator, inputs: int, outputs: int, size: float) -> tuple:
    """Random weights, no bias."""
    return size * rng.standard_normal((inputs, outputs)) / np.sqrt(inputs), np.zeros(outputs)


def encode(layers: tuple, x: np.ndarray, eps: np.ndarray) -> np.ndarray:
    """z = network(x, eps), (n, k), of whose law there is no density at hand; eps unit normal."""
    return perceptron(layers, np.concatenate([x, eps], axis=1))


def conditional_score(layers: tuple, z: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A model of grad_z log q(z|x): network(z, x), (n, k)."""
    return perceptron(layers, np.concatenate([z, x], axis=1))


def start(hidden: int = 0, seed: int = SEED) -> dict:
    """A decoder that knows next to nothing, and an encoder which is linear, codes being noise, or has tanh units."""
    rng = np.random.default_rng(seed)
    if hidden:
        encoder = layer(rng, D + K, hidden, 1.0), layer(rng, hidden, K, 1.0)
    else:
        encoder = ((np.concatenate([np.zeros((D, K)), 0.7 * np.eye(K)]), np.zeros(K)),)
    linear = ((np.zeros((K + D, K)), np.zeros(K)),)
    score = (layer(rng, K + D, SCORE_HIDDEN, 1.0), layer(rng, SCORE_HIDDEN, K, 0.5)) if hidden else linear
    return {
        "decoder": (layer(rng, K, D, 0.5),),
        "log_s": 0.0,
        "encoder": encoder,
        "score": score,
    }


def decoder(parameters: dict) -> LinearGaussianVAE:
    """With its marginal and its posterior in closed form."""
    ((weights, bias),) = parameters["decoder"]
    return LinearGaussianVAE(weights.T, bias, np.exp(parameters["log_s"]))


def log_likelihood(vae: LinearGaussianVAE) -> float:
    """Mean over the data, exact."""
    return np.mean(vae.marginal().log_prob(X))


def best() -> LinearGaussianVAE:
    """Probabilistic PCA: maximum likelihood in closed form, Tipping and Bishop 1999, eqs. 7 and 8."""
    values, vectors = np.linalg.eigh(np.cov(X.T, bias=True))
    variance = np.mean(values[: D - K])
    return LinearGaussianVAE(vectors[:, D - K :] * np.sqrt(values[D - K :] - variance), X.mean(axis=0), variance**0.5)


def posterior_of(parameters: dict) -> tuple[np.ndarray, np.ndarray]:
    """Means (n, k) and covariance of q(z|x) where the encoder is linear."""
    ((weights, bias),) = parameters["encoder"]
    return np.dot(X, weights[:D]) + bias, np.dot(weights[D:].T, weights[D:])


def true_score(parameters: dict) -> Callable:
    """grad_z log q(z|x) of a linear encoder: a constant, without a derivative in its parameters."""
    mean, cov = (held(part) for part in posterior_of({"encoder": _held(parameters["encoder"])}))
    return lambda z: -np.dot(z - mean, np.linalg.inv(cov))


def _held(layers):
    return tuple(tuple(held(array) for array in layer) for layer in layers)


def exact(parameters: dict) -> Exact:
    """The last two are nan for an encoder with hidden units, whose law is not known."""
    vae = decoder(parameters)
    if len(parameters["encoder"]) > 1:
        return Exact(log_likelihood(vae), np.nan, np.nan)
    mean, cov = posterior_of(parameters)
    z = encode(parameters["encoder"], X, np.random.default_rng(SEED).standard_normal((ROWS, K)))
    error = np.mean(np.sum((conditional_score(parameters["score"], z, X) - true_score(parameters)(z)) ** 2, axis=1))
    return Exact(log_likelihood(vae), np.mean(vae.gap(X, mean, cov)), error)


def matched(scores: tuple, encoder: tuple, rng: np.random.Generator) -> tuple:
    """The score's model fitted, from where it was, to codes of the encoder as it is: sliced score matching."""
    x = np.tile(X, (COPIES, 1))
    z = encode(encoder, x, rng.standard_normal((len(x), K)))
    v = rng.choice([-1.0, 1.0], z.shape)

    def loss(scores):
        return np.mean(sliced_score_matching(lambda z: conditional_score(scores, z, x), z, v))

    return minimise(loss, scores, SCORE_STEPS, progress=False).parameters


def train(parameters: dict, stages=STAGES, score: Callable | None = None, seed: int = SEED) -> Training:
    r"""In turn: the score's model is fitted to the codes of q; decoder and encoder take REFIT steps of the ELBO.

    The score must be fitted much faster than q moves. A held s = -z/S0 pushes the deviation b of q outwards with b/S0
    in the place of 1/b: less where b is smaller, so that a score which lags lets q collapse. It did, when one Adam
    moved all at the same pace. score: parameters -> the score of q, where it is known; by default it is learned.
    """
    rng, done, updates, curve = np.random.default_rng(seed), 0, [], []
    moving, scores = {name: value for name, value in parameters.items() if name != "score"}, parameters["score"]

    def loss(p, i):
        z = encode(p["encoder"], X, rng.standard_normal((ROWS, K)))
        score_q = score(p) if score else lambda z: conditional_score(scores, z, X)
        return np.mean(implicit_negative_elbo(lambda z: decoder(p).log_joint(X, z), score_q, z))

    def each(p, i):
        nonlocal scores
        if i % REFIT == 0:
            updates.append(done + i)
            curve.append(exact({**p, "score": scores}))
            scores = scores if score else matched(scores, p["encoder"], rng)

    for n_steps, step_size in stages:
        moving = minimise_noisy(loss, moving, n_steps, step_size, each=each).parameters
        done += n_steps
    trained = {**moving, "score": scores if score else matched(scores, moving["encoder"], rng)}
    curve.append(exact(trained))
    return Training(trained, np.array([*updates, done]), np.array(curve))


ENCODERS = {
    "linear encoder, its score learned": (0, None),
    "linear encoder, its score known": (0, true_score),
    f"{HIDDEN} tanh units, their score learned": (HIDDEN, None),
}


def ends() -> dict[str, np.ndarray]:
    """`Exact` after training with each seed, (SEEDS, 3), by encoder."""
    seeds = range(SEED, SEED + SEEDS)
    return {
        name: np.array([train(start(hidden, seed), STAGES, score, seed).curve[-1] for seed in seeds])
        for name, (hidden, score) in ENCODERS.items()
    }


def table(trained: dict[str, np.ndarray]) -> str:
    """Means over the data, in nats per row, below the best log-likelihood that there is; median and range."""
    most = log_likelihood(best())
    rows = [
        [name, number(most - log_likelihood(vae)), "", ""]
        for name, vae in (("the truth", TRUTH), ("the start", decoder(start())))
    ]
    for name, values in trained.items():
        below, gap, error = values.T
        rows.append([name, spread(most - below, 3), spread(gap, 3), "" if "known" in name else spread(error, 3)])
    return markdown(["", "log p(x) below the best", "KL from the posterior", "E of the score's squared error"], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and keep, or only show."""
    parser = argparse.ArgumentParser(prog="python -m figures.implicit_vae", description=__doc__)
    parser.add_argument("--table", action="store_true", help="of what was kept, without training")
    if not parser.parse_args(arguments).table:
        numpy.savez(SAVED, **ends())
    with numpy.load(SAVED) as file:
        print(table({name: file[name] for name in ENCODERS}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
