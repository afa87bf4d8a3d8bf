"""Variants of noise contrast."""

import numpy as np

from refebm.models import Model
from refebm.variants.arguments import log_density
from refebm.variants.asked import FAR, asked
from refebm.variants.record import (
    REDUCTION,
    SCALE,
    SIGN,
    conventions,
    naive_forms,
    numbered,
    one_term,
    terms,
    wrong_versions,
)

ODDS = "log_odds(log_model, log_noise, x, y)"
BALANCED = f"L_x, L_y = [L + np.log(len(y)) for L in {ODDS}]"
OF_DATA, OF_NOISE = "softplus(-L_x)", "np.sum(softplus(L_y), axis=0)"
LOSS = f"{OF_DATA} + {OF_NOISE}"
LOG_NU_N = "np.reshape(log_noise(np.reshape(y, (-1, x.shape[1]))), y.shape[:2]) + np.log(len(y))"
ODDS_ALONE = "log_odds(log_model, lambda x: 0.0 * x[:, 0], x, y)"

wrong_versions(
    "noise_contrastive",
    ("log nu left out", ODDS, f"[L + np.log(len(y)) for L in {ODDS}]", "nu = 1", "sbi 815"),
    ("log nu counted twice", ODDS, f"[L - np.log(len(y)) for L in {ODDS}]", "nu = 1"),
    ("sign of log nu", ODDS, f"[L + 2 * np.log(len(y)) for L in {ODDS}]", "nu = 1"),
    ("mean over the noise points, with log nu", "np.sum", "np.mean", "nu = 1"),
    ("log noise left out", ODDS, ODDS_ALONE),
    ("labels of data and noise exchanged", ODDS, f"[-L for L in {ODDS}]"),
    ("sign of the data's term", OF_DATA, "softplus(L_x)"),
    ("sign of the noise's term", OF_NOISE, "np.sum(softplus(-L_y), axis=0)"),
    ("the true class missing from the normaliser", OF_DATA, "-L_x", "finite", "flowjax 164"),
    ("the first noise point alone", OF_NOISE, "softplus(L_y)[0]", "nu = 1"),
    ("linear for the logistic loss", OF_NOISE, "np.sum(L_y, axis=0)"),
    (
        "the noise's density for its logarithm",
        OF_NOISE,
        f"np.sum(softplus(L_y) + (b := {LOG_NU_N}) - np.exp(b), axis=0)",
        "finite",
        "printed in CS236, NCE step 3: log Z + p_n(y), whose gradient is right",
    ),
)
wrong_versions(
    "noise_contrastive",
    ("log nu at the data alone", "log_noise(noise) - np.log(len(y))", "log_noise(noise)", "nu = 1"),
    inside="log_odds",
)
conventions(
    "noise_contrastive",
    ("maximised: the other sign", LOSS, f"-({LOSS})", "Song and Kingma 2021, section 5; Stanford CS236"),
    ("mean over data and noise points: over 1 + nu", LOSS, f"({LOSS}) / (1 + len(y))", "binary cross-entropy"),
    (
        "ranking: which of 1 + nu points is the datum",
        f"return {LOSS}",
        "top = np.max(np.concatenate([L_x[None], L_y]), axis=0)\n    "
        "return top + np.log(np.exp(L_x - top) + np.sum(np.exp(L_y - top), axis=0)) - L_x",
        "Ma and Collins 2018; InfoNCE, van den Oord et al. 2018",
    ),
    ("half of it", LOSS, f"0.5 * ({LOSS})", "binary cross-entropy with nu = 1"),
    (
        "mean over the noise points, no log nu",
        f"L_x, L_y = {ODDS}\n    return {OF_DATA} + np.sum(...)",
        f"{BALANCED}\n    return {OF_DATA} + np.mean(...)",
        "noise and data equally probable",
    ),
    (
        "mean over the noise points, no log nu, half of it",
        f"L_x, L_y = {ODDS}\n    return {LOSS}",
        f"{BALANCED}\n    return 0.5 * ({OF_DATA} + np.mean(softplus(L_y), axis=0))",
        "noise and data equally probable",
    ),
)
terms(
    "noise_contrastive",
    ("-log D(x)", f"softplus(-{ODDS}[0])"),
    ("-sum_j log(1 - D(y_j))", f"np.sum(softplus({ODDS}[1]), axis=0)"),
)
wrong_versions(
    "theorem noise_contrast_at_the_truth_is_a_divergence",
    (
        "log Z with the other sign",
        "log_density(energy_of(p, log_z), log_z)",
        "log_density(energy_of(p, log_z), -log_z)",
        "direction",
        "mini-ebm",
    ),
)

RATIO = "log_ratio"
MISFIT = f"energy(x) - at_y - {RATIO}"
wrong_versions(
    "conditional_noise_contrastive",
    ("sum over the noise points", "np.mean", "np.sum", "nu = 1"),
    ("data and noise exchanged", MISFIT, f"at_y - energy(x) + {RATIO}"),
    ("sign of the log-ratio", f"- {RATIO}", f"+ {RATIO}", "symmetric noise"),
    ("log-ratio left out", f" - {RATIO}", "", "symmetric noise"),
    (
        "mean over the noise points before the logistic loss",
        f"np.mean(2 * softplus({MISFIT}), axis=0)",
        f"2 * softplus(np.mean({MISFIT}, axis=0))",
        "nu = 1",
    ),
    ("hinge for the logistic loss", "2 * softplus(_)", "2 * np.maximum(0.0, _)"),
    ("linear for the logistic loss", "2 * softplus(_)", "2 * _"),
)
conventions(
    "conditional_noise_contrastive",
    ("no 2", "2 * softplus(...)", "softplus(...)", SCALE),
    ("maximised: the other sign", "2 * softplus(...)", "-2 * softplus(...)", SIGN),
)

BREGMAN = "-generator.derivative(L_x) + np.sum(generator.conjugate(L_y), axis=0)"
wrong_versions(
    "bregman_noise_contrastive",
    ("log nu left out", ODDS, f"[L + np.log(len(y)) for L in {ODDS}]", "nu = 1", "sbi 815"),
    ("log nu counted twice", ODDS, f"[L - np.log(len(y)) for L in {ODDS}]", "nu = 1"),
    ("mean over the noise points, with log nu", "np.sum", "np.mean", "nu = 1"),
    ("sign of the data's term", "-generator.derivative(L_x) +", "generator.derivative(L_x) +"),
    (
        "derivative and conjugate exchanged",
        BREGMAN,
        "-generator.conjugate(L_x) + np.sum(generator.derivative(L_y), axis=0)",
    ),
    ("log noise left out", ODDS, ODDS_ALONE),
)
conventions(
    "bregman_noise_contrastive",
    ("maximised: the other sign", BREGMAN, f"-({BREGMAN})", SIGN),
    ("mean over data and noise points: over 1 + nu", BREGMAN, f"({BREGMAN}) / (1 + len(y))", REDUCTION),
    (
        "mean over the noise points, no log nu",
        f"L_x, L_y = {ODDS}\n    return -generator.derivative(L_x) + np.sum(...)",
        f"{BALANCED}\n    return -generator.derivative(L_x) + np.mean(...)",
        "density ratio estimation: noise and data equally probable",
    ),
)
terms(
    "bregman_noise_contrastive",
    ("-Psi'(g(x))", f"-generator.derivative({ODDS}[0])"),
    ("sum_j [Psi'(g) g - Psi(g)](y_j)", f"np.sum(generator.conjugate({ODDS}[1]), axis=0)"),
)

GAN = "softplus(-logit(x)) + softplus(logit(y))"
wrong_versions(
    "gan_discriminator_loss",
    ("sign of the data's term", GAN, "softplus(logit(x)) + softplus(logit(y))"),
    ("sign of the noise's term: the generator's own loss", GAN, "softplus(-logit(x)) + softplus(-logit(y))"),
    ("labels of data and noise exchanged", GAN, "softplus(logit(x)) + softplus(-logit(y))"),
    ("probability for its logarithm", GAN, "softplus(-logit(x)) + 0.5 * (1 + np.tanh(0.5 * logit(y)))"),
    ("the true class missing from the normaliser", GAN, "-logit(x) + softplus(logit(y))"),
    ("hinge for the logistic loss", GAN, "np.maximum(0.0, 1 - logit(x)) + np.maximum(0.0, 1 + logit(y))"),
    ("noise at the data", GAN, "softplus(-logit(x)) + softplus(logit(x))"),
    ("least squares for the logistic loss", GAN, "0.5 * (logit(x) - 1) ** 2 + 0.5 * logit(y) ** 2"),
)
conventions(
    "gan_discriminator_loss",
    ("maximised: the other sign", GAN, "-(softplus(-logit(x)) + softplus(logit(y)))", "Goodfellow et al. 2014"),
    ("half of it", GAN, "0.5 * (softplus(-logit(x)) + softplus(logit(y)))", "binary cross-entropy"),
)
SMOOTHED, SALIMANS = "labels of the data smoothed, 1 - k for 1", "Salimans et al. 2016, one-sided label smoothing"
numbered("noise_contrastive", (SMOOTHED, "softplus(-L_x)", "softplus(-L_x) + k * L_x", SALIMANS))
numbered(
    "gan_discriminator_loss",
    (SMOOTHED, "softplus(-logit(x))", "softplus(-logit(x)) + k * logit(x)", SALIMANS),
    (
        "k is added in both logarithms",
        GAN,
        "-np.log(1 / (1 + np.exp(-logit(x))) + k) - np.log(1 - 1 / (1 + np.exp(-logit(y))) + k)",
        "a guard against log 0",
    ),
)
terms("gan_discriminator_loss", ("-log D(x)", "softplus(-logit(x))"), ("-log(1 - D(y))", "softplus(logit(y))"))

MIXTURE = "np.logaddexp(np.log1p(-weight) + log_noise(x), np.log(weight) + log_proposal(x))"
wrong_versions(
    "mixed_noise",
    ("weights left out", MIXTURE, "np.logaddexp(log_noise(x), log_proposal(x))"),
    ("mean of the logarithms", MIXTURE, "(1 - weight) * log_noise(x) + weight * log_proposal(x)"),
    ("weight for its logarithm", "np.log(weight)", "weight"),
    ("the same weight twice", "np.log1p(-weight)", "np.log(weight)", "equal weights"),
    ("the larger of the two", "np.logaddexp", "np.maximum"),
)
conventions(
    "mixed_noise",
    (
        "the weight is that of the fixed noise",
        MIXTURE,
        "np.logaddexp(np.log(weight) + log_noise(x), np.log1p(-weight) + log_proposal(x))",
        "Bose, Ling and Cao 2018: lambda p_nce + (1 - lambda) g",
    ),
)


NUMBERS = (1, 2, 5, 1), "what is right for one noise point, or for some number of them"


def of_noise(ask, name):
    """The log-density of noise, whatever the kind of the model's energy."""
    return ask.log_density("quadratic", 2.125)


def wide_noise(ask, name):
    """The log of a density so wide that ratios to it stay moderate, even squared as some generators do."""
    given = of_noise(ask, name).parameters
    precision = np.diag(ask.grid((ask.d,), 0.125, 0.25))
    return Model("log_density", given | {"parameters": given["parameters"] | {"precision": precision}})


asked("noise_contrastive conditional_noise_contrastive bregman_noise_contrastive", values={"nu": NUMBERS})
# with these seeds there are logits of 21 to 22, and beyond 700
asked("noise_contrastive", seed=9_000, draws={"log_noise": of_noise})
asked("gan_discriminator_loss", seed=6_000)
asked(
    "conditional_noise_contrastive",
    seed=332_000,
    also=("log_ratio",),
    draws={"log_ratio": lambda ask, name: ask.fixed.get(name, 1.0) * ask.grid((ask.fixed.get("nu", 3), ask.n), -2, 2)},
    values={"log_ratio": ((0.0,) * 4, "symmetric noise, whose log-ratio is zero")},
)
asked(
    "mixed_noise",
    far=FAR,
    draws={"log_noise": of_noise, "log_proposal": log_density(1.3125), "weight": 0.375},
    values={"weight": ((0.5, 0.125, 0.875, 0.5), "right for equal weights only, or a weight for its complement")},
)
asked(
    "bregman_noise_contrastive",
    draws={"log_noise": wide_noise},
    values={"generator": (("LOGISTIC", "LOGISTIC", "KULLBACK_LEIBLER", "KULLBACK_LEIBLER"), "another generator: {}")},
    far_out={"generator": "LOGISTIC"},  # with the others even the right answer overflows
    each=({"generator": "LEAST_SQUARES"}, {"generator": "LOGISTIC"}),  # some variants agree for one generator
)
naive_forms(
    "noise_contrastive",
    ("log(1 + exp(-L)) of data", "softplus(-L_x)", "np.log(1 + np.exp(-L_x))"),
    ("log(1 + exp(L)) of noise", "softplus(L_y)", "np.log(1 + np.exp(L_y))"),
    ("-log D of data", "softplus(-L_x)", "-np.log(1 / (1 + np.exp(-L_x)))"),
    ("-log(1 - D) of noise", "softplus(L_y)", "-np.log(1 - 1 / (1 + np.exp(-L_y)))"),
)
naive_forms(
    "conditional_noise_contrastive",
    ("log(1 + exp(-G))", "softplus(energy(x) - at_y - log_ratio)", "np.log(1 + np.exp(energy(x) - at_y - log_ratio))"),
)
NAIVE_GAN = "return softplus(-logit(x)) + softplus(logit(y))"
naive_forms(
    "gan_discriminator_loss",
    ("-log D of data", NAIVE_GAN, "return -np.log(1 / (1 + np.exp(-logit(x)))) + softplus(logit(y))"),
    ("-log(1 - D) of noise", NAIVE_GAN, "return softplus(-logit(x)) - np.log(1 - 1 / (1 + np.exp(-logit(y))))"),
)
NOISES = "np.logaddexp(np.log1p(-weight) + log_noise(x), np.log(weight) + log_proposal(x))"
naive_forms(
    "mixed_noise",
    ("log(1 - w)", "np.log1p(-weight)", "np.log(1 - weight)"),
    (
        "log of the sum of densities",
        NOISES,
        "np.log((1 - weight) * np.exp(log_noise(x)) + weight * np.exp(log_proposal(x)))",
    ),
)
one_term("conditional_noise_contrastive mixed_noise")
