"""Variants of coupled chains."""

from refebm.variants.asked import asked
from refebm.variants.record import conventions, one_term, terms, wrong_versions

MEETS = "0.5 * squared_norm(z) - 0.5 * squared_norm(z + gap)"
OTHER = "y + scale * reflected(z, gap)"
WEIGHT = "min(1.0, (t - k) / (m - k + 1))"
EARLY = "min(1.0, (t - k + 1) / (m - k + 1))"
AVERAGE = "sum(function(x[t]) for t in range(k, m + 1)) / (m - k + 1)"
TOGETHER = "coupled_step(here[-1], there[-1], *noise)"

wrong_versions(
    "coupled_metropolis_step",
    ("sign of the gap", "gap = (x - y) / scale", "gap = (y - x) / scale"),
    ("gap not in units of the scale", "gap = (x - y) / scale", "gap = x - y", "scale = 1"),
    ("ratio the other way round", MEETS, f"-({MEETS})"),
    ("no reflection: the noise of the first", OTHER, "y + scale * z"),
    ("reflection in the origin", OTHER, "y - scale * z", "d = 1"),
    ("never together", "meets[:, None]", "(meets & (u_meet > 1))[:, None]"),
    ("another u for the second", "accepted(energy, y, other, u)", "accepted(energy, y, other, 1 - u)"),
    (
        "the second accepted from x",
        "accepted(energy, y, other, u)",
        "accept(y, other, energy(other), energy(other) - energy(x), u)",
    ),
)
conventions(
    "coupled_metropolis_step",
    ("1 - u_meet below the ratio", "np.log(u_meet)", "np.log(1 - u_meet)", "U and 1 - U have the same law"),
)
wrong_versions(
    "unbiased_mean",
    (
        "differences the other way round",
        f"+ sum({WEIGHT} * gap for t, gap in gaps)",
        f"- sum({WEIGHT} * gap for t, gap in gaps)",
    ),
    ("no correction", f"average + sum({WEIGHT} * gap for t, gap in gaps)", "average"),
    ("no lag in the differences", "function(y[t - 1])", "function(y[min(t, len(y) - 1)])"),
    (
        "no lag in the differences, and the last left out",
        "((t, function(x[t]) - function(y[t - 1])) for t in range(k + 1, len(x)))",
        "((t, function(x[t]) - function(y[t])) for t in range(k + 1, len(y)))",
    ),
    ("the sum begins a step late", "range(k + 1, len(x))", "range(k + 2, len(x))"),
    (
        "the sum begins a step early",
        f"sum({WEIGHT} * gap for t, gap in gaps)",
        f"sum({EARLY} * (function(x[t]) - function(y[t - 1])) for t in range(max(k, 1), len(x)))",
    ),
    ("weights not cut at 1", WEIGHT, "(t - k) / (m - k + 1)", "T = m + 1"),
    ("all weights 1", WEIGHT, "1.0", "k = m"),
    ("weights over m - k", WEIGHT, "min(1.0, (t - k) / max(m - k, 1))", "k = m"),
    ("the last state for the average", AVERAGE, "function(x[m])", "k = m"),
    ("average over m - k states", "range(k, m + 1)", "range(k, max(m, k + 1))", "k = m"),
)
terms(
    "unbiased_mean",
    ("mean_{l=k..m} h(X_l)", AVERAGE),
    (
        "sum_t min(1, (t - k)/(m - k + 1)) [h(X_t) - h(Y_{t-1})]",
        f"sum({WEIGHT} * (function(x[t]) - function(y[t - 1])) for t in range(k + 1, len(x)))",
    ),
)
MEAN = "unbiased_mean(energy, held(chain), held(lagged), k, m)"
wrong_versions(
    "unbiased_contrastive_divergence",
    ("contrastive divergence: X_k alone", MEAN, "energy(held(chain[k]))"),
    ("phases exchanged", f"energy(x) - {MEAN}", f"{MEAN} - energy(x)", "up to a factor", "thrml 38"),
    ("the negative phase held too", MEAN, f"held({MEAN})", "the value"),
    ("every mean begins at 0", MEAN, "unbiased_mean(energy, held(chain), held(lagged), 0, m)", "k = 0"),
    ("the last state alone", MEAN, "energy(held(chain[-1]))"),
)
conventions(
    "unbiased_contrastive_divergence",
    ("no average over time: H_k", MEAN, "unbiased_mean(energy, held(chain), held(lagged), k, k)", "Qiu et al. 2020"),
)
terms("unbiased_contrastive_divergence", ("E(x)", "energy(x)"), ("-H_{k:m}(E)", f"-{MEAN}"))
wrong_versions(
    "coupled_chains",
    ("no lag: Y a state ahead", "np.stack(there)", "np.stack([*there[1:], there[-1]])"),
    ("the first step from y", "coupled_step(x, x, *noise)", "coupled_step(y, y, *noise)"),
    ("no first step", "coupled_step(x, x, *noise)[0].x", "x"),
    ("the chains exchanged", TOGETHER, f"{TOGETHER}[::-1]"),
    ("meetings counted from 0", "np.where(_, len(here) - 1, meeting)", "np.where(_, len(here) - 2, meeting)"),
)


def meetings(ask, name):
    """Noise for pairs of chains that all meet in the last step."""
    z, u = ask.reports(name)
    u[-1] = 0.875
    return z, u


def shorter(ask, name):
    """The states of a chain that has one state fewer than the chain that is ahead."""
    return ask.grid((ask.fixed.get("length", 6) - 1, ask.n, ask.d), -2, 2)


def near(ask, function):
    """The arguments by their types, but pairs of chains that are near enough to meet."""
    given = ask.of_types(function)
    return given | {"y": given["x"] + ask.fixed.get("apart", 1) * ask.grid((ask.n, ask.d), -1, 1)}


asked(
    "coupled_metropolis_step",
    arguments=near,
    draws={"scale": 0.5},
    without=("u_meet",),
    special=(("chains that have met", {"apart": 0}),),
)
asked(
    "unbiased_mean unbiased_contrastive_divergence",
    draws={"k": 1, "m": 3, "y": shorter, "lagged": shorter},
    values={"k": ((0, 3), "right for k = 1 only, or for one state")},
    beside=(("weights of several means that begin later", {"d": 2, "n": 3, "k": 2}),),
)
asked(
    "coupled_chains",
    draws={"m": lambda ask, name: ask.fixed.get("n_steps", 3), "tape": meetings},  # m: to the end of the tape
)
asked("unbiased_contrastive_divergence", gradient=True)
one_term("coupled_metropolis_step")
