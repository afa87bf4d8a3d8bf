"""An implicit variational autoencoder, trained with a score for the gradient of its entropy, and the exact values.

`python -m figures.implicit_vae` trains with five seeds, which takes two minutes, saves the results beside this file,
and prints the table; `python -m figures.implicit_vae --table` prints the table of the saved results.

The data come from a linear Gaussian autoencoder, and the decoder is linear, so that its log-likelihood has a closed
form; the highest possible one is that of probabilistic PCA. The encoder is z = network(x, eps); training uses only
samples of z. If the encoder is linear the law of z given x is Gaussian, and the ELBO and its gap are known too.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import autograd.numpy as np
import numpy

from figures.tables import markdown, number, spread
from refebm import LinearGaussianVAE, implicit_negative_elbo, minimise_noisy, train_implicit_vae
from refebm.calculus import held
from refebm.models.networks import perceptron

SAVED = Path(__file__).parent / "implicit_vae.npz"
SEED, SEEDS, ROWS = 2019, 5, 200
TRUTH = LinearGaussianVAE([[1.2, 0.0], [0.8, -0.9], [-0.5, 0.7]], [0.5, -1.0, 0.0], 0.5)
D, K = TRUTH.d, TRUTH.k
X = TRUTH.marginal().sample(numpy.random.default_rng(SEED), ROWS)
HIDDEN, SCORE_HIDDEN = 16, 16
STAGES = ((300, 2e-2), (200, 5e-3), (100, 1e-3))  # (steps of Adam, their size), for decoder and encoder
REFIT, COPIES, SCORE_STEPS = 5, 5, 10  # before every 5th step 10 L-BFGS steps fit the score to 5 codes of each row


class Exact(NamedTuple):
    """Means per row of data: log p(x) of the decoder and KL(q|posterior), in nats; E |s - s_q|^2 of the score model."""

    log_likelihood: float
    gap: float
    score_error: float


class Training(NamedTuple):
    """The parameters; the numbers of updates (k,) at which values were recorded; the `Exact` values there (k, 3)."""

    parameters: dict
    updates: np.ndarray
    curve: np.ndarray


def layer(rng: np.random.Generator, inputs: int, outputs: int, size: float) -> tuple:
    """Random weights, no bias."""
    return size * rng.standard_normal((inputs, outputs)) / np.sqrt(inputs), np.zeros(outputs)


def encode(layers: tuple, x: np.ndarray, eps: np.ndarray) -> np.ndarray:
    """z = network(x, eps), (n, k), whose density is not computed; eps unit normal."""
    return perceptron(layers, np.concatenate([x, eps], axis=1))


def conditional_score(layers: tuple, z: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A model of grad_z log q(z|x): network(z, x), (n, k)."""
    return perceptron(layers, np.concatenate([z, x], axis=1))


def start(hidden: int = 0, seed: int = SEED) -> dict:
    """The start: a decoder with small weights, and an encoder, linear or with tanh units, whose codes are noise."""
    rng = np.random.default_rng(seed)
    if hidden:
        encoder = layer(rng, D + K, hidden, 1.0), layer(rng, hidden, K, 1.0)
    else:
        encoder = ((np.concatenate([np.zeros((D, K)), 0.7 * np.eye(K)]), np.zeros(K)),)
    linear = ((np.zeros((K + D, K)), np.zeros(K)),)
    score = (layer(rng, K + D, SCORE_HIDDEN, 1.0), layer(rng, SCORE_HIDDEN, K, 0.5)) if hidden else linear
    return {"decoder": (layer(rng, K, D, 0.5),), "log_s": 0.0, "encoder": encoder, "score": score}


def decoder(parameters: dict) -> LinearGaussianVAE:
    """The decoder as a `LinearGaussianVAE`, with marginal and posterior in closed form."""
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
    """The means (n, k) and the covariance of q(z|x) for a linear encoder."""
    ((weights, bias),) = parameters["encoder"]
    return np.dot(X, weights[:D]) + bias, np.dot(weights[D:].T, weights[D:])


def true_score(parameters: dict) -> Callable:
    """grad_z log q(z|x) of a linear encoder, held constant: no derivative flows to its parameters."""
    mean, cov = (held(part) for part in posterior_of({"encoder": _held(parameters["encoder"])}))
    return lambda z: -np.dot(z - mean, np.linalg.inv(cov))


def _held(layers):
    return tuple(tuple(held(array) for array in layer) for layer in layers)


def exact(parameters: dict) -> Exact:
    """The `Exact` values; the last two are nan for an encoder with hidden units, whose law is not known."""
    vae = decoder(parameters)
    if len(parameters["encoder"]) > 1:
        return Exact(log_likelihood(vae), np.nan, np.nan)
    mean, cov = posterior_of(parameters)
    z = encode(parameters["encoder"], X, np.random.default_rng(SEED).standard_normal((ROWS, K)))
    error = np.mean(np.sum((conditional_score(parameters["score"], z, X) - true_score(parameters)(z)) ** 2, axis=1))
    return Exact(log_likelihood(vae), np.mean(vae.gap(X, mean, cov)), error)


def by_the_truth(parameters: dict, n_steps: int, step_size: float, rng: np.random.Generator, score, each) -> dict:
    """Train decoder and encoder with the true score of q, a function of the parameters; no score is learnt."""

    def loss(p, i):
        z = encode(p["encoder"], X, rng.standard_normal((ROWS, K)))
        return np.mean(implicit_negative_elbo(lambda z: decoder(p).log_joint(X, z), score(p), z))

    def look(p, i):
        each({"model": p, "score": parameters["score"]}, i)

    moving = {name: value for name, value in parameters.items() if name != "score"}
    return parameters | minimise_noisy(loss, moving, n_steps, step_size, each=look).parameters


def by_a_score(parameters: dict, n_steps: int, step_size: float, rng: np.random.Generator, each) -> dict:
    """Train by the procedure of refebm, which learns the score of q."""
    moving = {name: value for name, value in parameters.items() if name != "score"}
    models = log_joint, lambda p, x, eps: encode(p["encoder"], x, eps), conditional_score
    sizes = K, ROWS, n_steps, step_size, rng, REFIT, COPIES, SCORE_STEPS
    fit = train_implicit_vae(X, *models, moving, parameters["score"], *sizes, adam=True, each=each)
    return {**fit.parameters["model"], "score": fit.parameters["score"]}


def log_joint(parameters: dict, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """log p(x, z) of the decoder."""
    return decoder(parameters).log_joint(x, z)


def train(parameters: dict, stages=STAGES, score: Callable | None = None, seed: int = SEED) -> Training:
    r"""Train in stages. score: parameters -> the score of q, if it is known; by default it is learned.

    The score must be fitted much faster than q moves. The score -z/S0 of an earlier q with variance S0 pushes the
    deviation b of q outwards by b/S0, while the true score pushes by 1/b, which is more if q has narrowed. With a score
    that lags behind, q collapses, as it did when one Adam trained everything at the same pace.
    """
    rng, done, updates, curve = np.random.default_rng(seed), 0, [], []

    def each(p, i):
        if i % REFIT == 0:
            updates.append(done + i)
            curve.append(exact({**p["model"], "score": p["score"]}))

    for n_steps, step_size in stages:
        sizes = n_steps, step_size, rng
        parameters = by_the_truth(parameters, *sizes, score, each) if score else by_a_score(parameters, *sizes, each)
        done += n_steps
    curve.append(exact(parameters))
    return Training(parameters, np.array([*updates, done]), np.array(curve))


ENCODERS = {
    "linear encoder, its score learned": (0, None),
    "linear encoder, its score known": (0, true_score),
    f"{HIDDEN} tanh units, their score learned": (HIDDEN, None),
}


def ends() -> dict[str, np.ndarray]:
    """For each encoder the `Exact` values after training with each seed, (SEEDS, 3)."""
    seeds = range(SEED, SEED + SEEDS)
    return {
        name: np.array([train(start(hidden, seed), STAGES, score, seed).curve[-1] for seed in seeds])
        for name, (hidden, score) in ENCODERS.items()
    }


def table(trained: dict[str, np.ndarray]) -> str:
    """Log-likelihoods below the highest possible one, in nats per row of data; median and range over the seeds."""
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
    """Train, save and print the table, or only print it."""
    parser = argparse.ArgumentParser(prog="python -m figures.implicit_vae", description=__doc__)
    parser.add_argument("--table", action="store_true", help="of what was kept, without training")
    if not parser.parse_args(arguments).table:
        numpy.savez(SAVED, **ends())
    with numpy.load(SAVED) as file:
        print(table({name: file[name] for name in ENCODERS}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
