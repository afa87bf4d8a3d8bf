"""Variants of SDEs: their scale, their noise, and their law at the end."""

import numpy as np

from refebm.identities import Implementation
from refebm.truth.densities import GaussianMixture
from refebm.variants.arguments import SDES, types
from refebm.variants.asked import asked
from refebm.variants.densities import mixture
from refebm.variants.record import conventions, naive_forms, one_term, terms, wrong_versions

BETA = "self.beta_min + t * (self.beta_max - self.beta_min)"
STEPS = "self.beta((1 + np.arange(n_steps)) / n_steps) / n_steps"
INTEGRAL = "(t - s) * (self.beta_min + 0.5 * (s + t) * (self.beta_max - self.beta_min))"
EXPLODED = "self.sigma(t) * np.sqrt(-np.expm1(-2 * (t - s) * self.log_ratio))"
PRESERVED = "np.sqrt(-np.expm1(-b))"
SUBDUED = "np.sqrt(-np.expm1(-b)) * np.sqrt(-np.expm1(-total))"
RATE = "self.beta(t)"
GAP = "expect([lambda x: end.log_prob(x) - prior.log_prob(x)], end)"
NO_ROOT = "annotated_deep_learning 152"

SUBDUED_TOO = ("VariancePreserving", "SubVariancePreserving")

wrong_versions(
    "VarianceExploding.sigma",
    (
        "linear levels",
        "self.sigma_min * np.exp(t * self.log_ratio)",
        "self.sigma_min + t * (self.sigma_max - self.sigma_min)",
        "at t = 0",
    ),
    (
        "time running the wrong way",
        "self.sigma_min * np.exp(t * self.log_ratio)",
        "self.sigma_max * np.exp(-t * self.log_ratio)",
    ),
    ("the ratio squared", "np.exp(t * self.log_ratio)", "np.exp(2 * t * self.log_ratio)", "at t = 0"),
    ("the largest level for the ratio", "* self.log_ratio", "* np.log(self.sigma_max)", "at t = 0"),
)
wrong_versions(
    "VarianceExploding.diffusion",
    ("2 forgotten", "2 * ", "", "up to a factor"),
    ("g squared for g", "self.sigma(t) * np.sqrt(2 * self.log_ratio)", "self.sigma(t) ** 2 * 2 * self.log_ratio"),
    ("slope of sigma", "np.sqrt(2 * self.log_ratio)", "self.log_ratio"),
    ("sigma for g", " * np.sqrt(2 * self.log_ratio)", ""),
    ("std for g", "self.sigma(t) * np.sqrt(2 * self.log_ratio)", "self.kernel(0.0, t)[1]"),
)
wrong_versions(
    "VarianceExploding.kernel",
    ("variance for deviation", EXPLODED, f"({EXPLODED}) ** 2", "finite", NO_ROOT),
    ("difference of the levels", EXPLODED, "self.sigma(t) - self.sigma(s)"),
    ("level at the start of time", "self.sigma(t)", "self.sigma(t - s)", "from 0"),
    ("2 forgotten", "-2 * (t - s)", "-(t - s)"),
)
conventions(
    "VarianceExploding.kernel", ("sigma(t) for std", EXPLODED, "self.sigma(t)", "score_sde VESDE: sigma_min = 0")
)
BETAS = (
    ("time running the wrong way", BETA, "self.beta_max + t * (self.beta_min - self.beta_max)", "constant beta"),
    ("beta_max for the difference", BETA, "self.beta_min + t * self.beta_max", "at t = 0"),
    ("geometric rate", BETA, "self.beta_min * (self.beta_max / self.beta_min) ** t", "constant beta"),
    (
        "linear in the root",
        BETA,
        "(np.sqrt(self.beta_min) + t * (np.sqrt(self.beta_max) - np.sqrt(self.beta_min))) ** 2",
        "constant beta",
    ),
)
wrong_versions("VariancePreserving.beta", *BETAS)
wrong_versions("SubVariancePreserving.beta", *BETAS, inside="VariancePreserving")
for one in SUBDUED_TOO:
    terms(
        f"{one}.beta",
        ("beta_min", "self.beta_min + 0.0 * t"),
        ("t (beta_max - beta_min)", "t * (self.beta_max - self.beta_min)"),
    )
    terms(
        f"{one}.integral",
        ("(t - s) beta_min", "(t - s) * self.beta_min"),
        ("(t^2 - s^2)/2 (beta_max - beta_min)", "0.5 * (t - s) * (s + t) * (self.beta_max - self.beta_min)"),
    )
INTEGRALS = (
    ("beta for its integral", INTEGRAL, "self.beta(t) + 0.0 * s"),
    ("beta at the end all along", INTEGRAL, "(t - s) * self.beta(t)", "constant beta"),
    ("1/2 forgotten", "0.5 * (s + t)", "(s + t)", "constant beta"),
    ("from 0", INTEGRAL, INTEGRAL.replace("(t - s)", "t").replace("(s + t)", "t"), "from 0"),
    ("beta in the middle of the span", "(s + t)", "(t - s)", "from 0"),
)
wrong_versions("VariancePreserving.integral", *INTEGRALS)
wrong_versions("SubVariancePreserving.integral", *INTEGRALS, inside="VariancePreserving")
OF_STEPS = (
    ("a step forgotten", STEPS, STEPS.removesuffix(" / n_steps"), "one step"),
    ("counted from 0", "(1 + np.arange(n_steps))", "np.arange(n_steps)", "constant beta"),
    ("from late to early", "(1 + np.arange(n_steps))", "(n_steps - np.arange(n_steps))", "constant beta"),
    ("in the middle of the steps", "1 + np.arange(...)", "0.5 + np.arange(...)", "constant beta"),
    ("deviations for variances", STEPS, f"np.sqrt({STEPS})", "finite", NO_ROOT),
)
BOTH_ENDS = (
    "both ends: from beta(0) to beta(1)",
    "(1 + np.arange(n_steps)) / n_steps",
    "np.arange(n_steps) / (n_steps - 1)",
    "Ho, Jain and Abbeel 2020, section 4; score_sde VPSDE",
)
for one, home in (("VariancePreserving", ""), ("SubVariancePreserving", "VariancePreserving")):
    wrong_versions(f"{one}.betas", *OF_STEPS, inside=home)
    conventions(f"{one}.betas", BOTH_ENDS, inside=home)
wrong_versions(
    "VariancePreserving.diffusion",
    ("g squared for g", "np.sqrt(self.beta(t))", "self.beta(t)"),
    ("integral of beta for beta", "self.beta(t)", "self.integral(0.0, t)"),
    ("std for g", "np.sqrt(self.beta(t))", "self.kernel(0.0, t)[1]"),
    ("that of sub-VP", "self.beta(t)", "-self.beta(t) * np.expm1(-2 * self.integral(0.0, t))"),
    ("time running the wrong way", "self.beta(t)", "self.beta(1 - t)", "constant beta"),
)
wrong_versions(
    "VariancePreserving.kernel",
    ("variance for deviation", PRESERVED, "-np.expm1(-b)", "finite", NO_ROOT),
    ("1/2 in the scale forgotten", "np.exp(-0.5 * b)", "np.exp(-b)"),
    ("1/2 in the variance too", "np.expm1(-b)", "np.expm1(-0.5 * b)"),
    ("beta(t) for its integral", "self.integral(s, t)", "self.beta(t) + 0.0 * s", "finite", "score_sde 73"),
    ("from 0", "self.integral(s, t)", "self.integral(0.0, t) + 0.0 * s", "from 0"),
    ("nothing forgotten", "np.exp(-0.5 * b)", "1.0 + 0.0 * b"),
)
OF_UNIT = "Gaussian(np.zeros(d), 1.0)"
PRIORS = (
    ("variance of noise at the end", OF_UNIT, "Gaussian(np.zeros(d), self.kernel(0.0, 1.0)[1] ** 2)"),
    ("shared among coordinates", OF_UNIT, "Gaussian(np.zeros(d), 1.0 / d)", "d = 1"),
    ("mean one", OF_UNIT, "Gaussian(np.ones(d), 1.0)"),
    ("variance beta_max", OF_UNIT, "Gaussian(np.zeros(d), self.beta_max)"),
)
wrong_versions("VariancePreserving.prior", *PRIORS)
wrong_versions("SubVariancePreserving.prior", *PRIORS, inside="VariancePreserving")
DRIFTS = (
    ("sign", "-0.5 * np.reshape(...)", "0.5 * np.reshape(...)", "up to a factor"),
    ("the first row's time for all", RATE, f"{RATE}[:1]", "one time"),
    ("square root of beta", RATE, f"np.sqrt({RATE})"),
    ("integral of beta for beta", RATE, "self.integral(0.0, t)"),
    ("the same for all points", "* x", "* np.ones_like(x)"),
)
for one in SUBDUED_TOO:
    wrong_versions(f"{one}.drift", *DRIFTS, inside="LinearSDE")
MARGINALS = (
    (
        "variance for deviation",
        "self.kernel(0.0, t)",
        "(self.kernel(0.0, t)[0], self.kernel(0.0, t)[1] ** 2)",
        "finite",
        NO_ROOT,
    ),
    ("scale and std exchanged", "self.kernel(0.0, t)", "self.kernel(0.0, t)[::-1]"),
    ("what is still to come", "self.kernel(0.0, t)", "self.kernel(t, 1.0)"),
    ("half the time", "self.kernel(0.0, t)", "self.kernel(0.0, 0.5 * t)"),
)
DIFFUSED = (
    ("std where variance belongs", "variance = std**2", "variance = std"),
    ("scale not squared", "scale**2 * density.spread", "scale * density.spread"),
    ("means left where they are", "scale * density.means", "density.means"),
    ("covariances left as they are", "scale**2 * density.spread", "density.spread"),
    ("no noise", "* density.spread + variance * one", "* density.spread"),
)
for one in SDES:
    wrong_versions(f"{one}.marginal", *MARGINALS, inside="LinearSDE")
wrong_versions(
    "SubVariancePreserving.marginal",
    (
        "std of VP",
        "self.kernel(0.0, t)",
        "(self.kernel(0.0, t)[0], np.sqrt(self.kernel(0.0, t)[1]))",
    ),
    inside="LinearSDE",
)
for one in SUBDUED_TOO:
    wrong_versions(f"{one}.diffused", *DIFFUSED, inside="LinearSDE")
wrong_versions(
    "VarianceExploding.diffused",  # whose scale is 1
    *(row for row in DIFFUSED if row[0] in ("std where variance belongs", "no noise")),
    ("noise of the end", "self.marginal(t)", "self.marginal(1.0)"),
    ("half the time", "self.marginal(t)", "self.marginal(0.5 * t)"),
    inside="LinearSDE",
)
conventions(
    "VarianceExploding.marginal",
    ("sigma(t) for std", "self.kernel(0.0, t)", "(1.0 + 0.0 * t, self.sigma(t))", "score_sde VESDE: sigma_min = 0"),
    inside="LinearSDE",
)
conventions(
    "VarianceExploding.diffused",
    ("sigma(t) for std", "std**2", "self.sigma(t) ** 2", "score_sde VESDE: sigma_min = 0"),
    inside="LinearSDE",
)
DRIFT = "-0.5 * np.reshape(self.beta(t), (-1, 1)) * x"
wrong_versions(
    "VarianceExploding.drift",  # which is none
    ("that of a unit rate", DRIFT, "-0.5 * x", "at the centre"),
    ("the growth of the levels", DRIFT, "self.log_ratio * x", "at the centre"),
    ("that of VP, with g^2 for beta", DRIFT, "-0.5 * np.reshape(self.diffusion(t) ** 2, (-1, 1)) * x", "at the centre"),
    ("g, which belongs to the noise", DRIFT, "np.reshape(self.diffusion(t), (-1, 1)) + 0.0 * x"),
    inside="LinearSDE",
)
wrong_versions(
    "VariancePreserving.prior_gap",
    ("the other divergence", GAP, "expect([lambda x: prior.log_prob(x) - end.log_prob(x)], prior)"),
    ("sign", GAP, "expect([lambda x: prior.log_prob(x) - end.log_prob(x)], end)", "up to a factor"),
    ("of the data", "self.diffused(density, 1.0)", "self.diffused(density, 0.0)"),
    ("no entropy", GAP, "expect([lambda x: -prior.log_prob(x)], end)"),
    ("of the law half way", "self.diffused(density, 1.0)", "self.diffused(density, 0.5)"),
    inside="LinearSDE",
)
wrong_versions(
    "VarianceExploding.prior",
    ("deviation for variance", "self.kernel(0.0, 1.0)[1] ** 2", "self.kernel(0.0, 1.0)[1]"),
    ("variance one", "self.kernel(0.0, 1.0)[1] ** 2", "1.0"),
    ("half the time", "self.kernel(0.0, 1.0)", "self.kernel(0.0, 0.5)"),
    ("shared among coordinates", "[1] ** 2", "[1] ** 2 / d", "d = 1"),
    inside="LinearSDE",
)
conventions(
    "VarianceExploding.prior",
    ("variance sigma_max^2", "self.kernel(0.0, 1.0)[1] ** 2", "self.sigma_max**2", "score_sde VESDE"),
    inside="LinearSDE",
)
wrong_versions(
    "SubVariancePreserving.diffusion",
    ("2 forgotten", "np.expm1(-2 * self.integral(0.0, t))", "np.expm1(-self.integral(0.0, t))"),
    ("that of VP", "np.sqrt(self.beta(t)) * np.sqrt(-np.expm1(...))", "np.sqrt(self.beta(t))"),
    (
        "g squared for g",
        "np.sqrt(self.beta(t)) * np.sqrt(-np.expm1(-2 * self.integral(0.0, t)))",
        "-self.beta(t) * np.expm1(-2 * self.integral(0.0, t))",
    ),
    ("beta for its integral", "self.integral(0.0, t)", "self.beta(t)"),
)
wrong_versions(
    "SubVariancePreserving.kernel",
    ("std of VP", SUBDUED, PRESERVED),
    ("variance for deviation", SUBDUED, "np.expm1(-b) * np.expm1(-total)"),
    ("the marginal's form for any start", SUBDUED, "-np.expm1(-b)", "from 0"),
    (
        "noise that was there left out",
        "self.integral(0.0, s) + self.integral(0.0, t)",
        "self.integral(0.0, t)",
        "from 0",
    ),
    ("1/2 in the scale forgotten", "np.exp(-0.5 * b)", "np.exp(-b)"),
)
wrong_versions(
    "GivenDiffusion.diffusion",
    ("g squared for g", "self.sigma(t)", "self.sigma(t) ** 2"),
    ("std for g", "self.sigma(t)", "np.sqrt(self.variance(t))"),
    ("square root of sigma", "self.sigma(t)", "np.sqrt(self.sigma(t))"),
    ("time running the wrong way", "t", "1 - t", "half way"),
)
wrong_versions(
    "GivenDiffusion.kernel",
    (
        "variance for deviation",
        "np.sqrt(self.variance(t) - self.variance(s))",
        "self.variance(t) - self.variance(s)",
        "finite",
        NO_ROOT,
    ),
    ("from 0", "self.variance(t) - self.variance(s)", "self.variance(t) + 0.0 * s", "from 0"),
    (
        "sigma(t) for std",
        "np.sqrt(self.variance(t) - self.variance(s))",
        "self.sigma(t) + 0.0 * s",
        "finite",
        "score_sde VESDE",
    ),
    (
        "difference of deviations",
        "np.sqrt(self.variance(t) - self.variance(s))",
        "np.sqrt(self.variance(t)) - np.sqrt(self.variance(s))",
        "from 0",
    ),
    ("as if from now on", "self.variance(t) - self.variance(s)", "self.variance(t - s)", "from 0"),
)


def of_sde(ask, name, method):
    """An SDE as data, and the arguments of its method; laws that it returns are compared by their density at x."""
    ask.fixed["sde"] = name
    make = {
        "x": lambda: ask.around("x"),
        "s": lambda: ask.fixed.get("s", ask.grid((ask.n,), 0.0625, 0.375)) + np.zeros(ask.n),
        "t": lambda: ask.fixed.get("t", ask.grid((ask.n,), 0.5, 0.9375)) + np.zeros(ask.n),
        "d": lambda: ask.d,
        "n_steps": lambda: ask.fixed.get("n_steps", 3),
        "density": lambda: {"density": "GaussianMixture", "parameters": mixture(ask)},
    }
    wanted = [one for one in types(f"{name}.{method}") if one not in ("self", "return")]
    found = {"law" if one == "density" else one: make[one]() for one in wanted}
    if method == "diffused":
        found["t"] = ask.fixed.get("t", ask.scalar(0.6875))
    return {"sde": ask.process} | found | ({"x": ask.around("x")} if method in ("diffused", "prior") else {})


def ask_sde(impl, function, given):
    """The answer of an SDE's method; of a law that it returns, the density at x."""
    method = function.partition(".")[2]
    sde = Implementation.sde(impl, given.pop("sde"))  # an adapter's own methods alone
    x = None if method == "drift" else given.pop("x", None)
    if "law" in given:
        given["law"] = GaussianMixture(**given["law"]["parameters"])
    result = getattr(sde, method)(*given.values())
    return result.log_prob(x) if hasattr(result, "log_prob") else result


asked(f"{' '.join(SDES)} GivenDiffusion", arguments=of_sde, call=ask_sde)
asked("GivenDiffusion", unasked="takes callables: the examined SDEs are given by numbers")
SCALE_AND_STD = ("the scale", "the standard deviation")
asked(" ".join(f"{one}.{law}" for one in SDES for law in ("kernel", "marginal")), parts=SCALE_AND_STD)
asked("VarianceExploding.beta", unasked="0 at all times")
asked(
    "VariancePreserving.betas SubVariancePreserving.betas",
    generic=lambda i, half, d, n: {"n_steps": n + half},
    without=("n_steps",),  # a convention has beta at both ends of the chain, so it needs two steps
)
asked(
    "VariancePreserving.prior_gap VarianceExploding.prior_gap SubVariancePreserving.prior_gap",
    most_d=1,
    unasked="an integral, with a tolerance of its own",
)
naive_forms(
    "VarianceExploding.kernel",
    ("exp(a) - 1", "np.expm1(-2 * (t - s) * self.log_ratio)", "(np.exp(-2 * (t - s) * self.log_ratio) - 1)"),
    (
        "difference of the variances",
        "self.sigma(t) * np.sqrt(-np.expm1(-2 * (t - s) * self.log_ratio))",
        "np.sqrt(self.sigma(t) ** 2 - self.sigma(s) ** 2)",
    ),
)
AREA = "(t - s) * (self.beta_min + 0.5 * (s + t) * (self.beta_max - self.beta_min))"
FROM_0 = [f"{end} * (self.beta_min + 0.5 * {end} * (self.beta_max - self.beta_min))" for end in "ts"]
naive_forms("VariancePreserving.integral", ("difference of the integrals from 0", AREA, " - ".join(FROM_0)))
naive_forms("VariancePreserving.kernel", ("1 - exp(-b)", "-np.expm1(-b)", "1 - np.exp(-b)"))
naive_forms(
    "SubVariancePreserving.kernel",
    ("exp(-b) - 1", "np.expm1(-b)", "(np.exp(-b) - 1)"),
    ("exp(-B) - 1", "np.expm1(-total)", "(np.exp(-total) - 1)"),
)
naive_forms(
    "SubVariancePreserving.diffusion",
    ("1 - exp(-2 B)", "np.expm1(-2 * self.integral(0.0, t))", "(np.exp(-2 * self.integral(0.0, t)) - 1)"),
)
one_term(
    "SubVariancePreserving.betas SubVariancePreserving.diffused SubVariancePreserving.diffusion "
    "SubVariancePreserving.drift SubVariancePreserving.kernel SubVariancePreserving.marginal "
    "SubVariancePreserving.prior VarianceExploding.diffused VarianceExploding.diffusion VarianceExploding.drift "
    "VarianceExploding.kernel VarianceExploding.marginal VarianceExploding.prior VarianceExploding.sigma "
    "VariancePreserving.betas "
    "VariancePreserving.diffused VariancePreserving.diffusion VariancePreserving.drift VariancePreserving.kernel "
    "VariancePreserving.marginal VariancePreserving.prior"
)
