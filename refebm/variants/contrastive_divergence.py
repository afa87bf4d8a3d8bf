"""Variants of contrastive divergence."""

import numpy as np

from refebm.variants.asked import asked
from refebm.variants.record import conventions, numbered, terms, wrong_versions

LOSS = "energy(x) - energy(held(x_model))"
KEPT = "np.floor(which * len(self.points))"
ALL = "np.concatenate([self.points, x])"

wrong_versions(
    "contrastive_divergence",
    ("phases exchanged", LOSS, "energy(held(x_model)) - energy(x)", "up to a factor", "thrml 38"),
    ("gradient flows through the samples", "held(x_model)", "x_model", "the value", "igebm-pytorch"),
    (
        "no gradient of the samples' energy",
        "energy(held(x_model))",
        "held(energy(x_model))",
        "the value",
        "printed in CS236, CD recap: grad f(x_data) - f(x_sample)",
    ),
    (
        "no gradient of the data's energy",
        "energy(x) -",
        "held(energy(x)) -",
        "the value",
        "printed in module 18a and Song and Kingma 2021: one sample for the gradient of the likelihood, not of log Z",
    ),
    ("both phases lower the energy", "energy(x) - energy(...)", "energy(x) + energy(...)"),
    ("the sample of the first row for all", "energy(held(x_model))", "energy(held(x_model)[:1])", "one row"),
    ("temperature on one phase", "- energy(held(x_model))", "- 0.5 * energy(held(x_model))"),
)
conventions(
    "contrastive_divergence",
    (
        "squares of both energies added, alpha = 1",
        LOSS,
        f"{LOSS} + energy(x) ** 2 + energy(held(x_model)) ** 2",
        "Du and Mordatch 2019, algorithm 1",
    ),
)
terms("contrastive_divergence", ("E(x)", "energy(x)"), ("-E(x')", "-energy(held(x_model))"))
numbered(
    "contrastive_divergence",
    (
        "squares of both energies added, alpha = k",
        LOSS,
        f"{LOSS} + k * (energy(x) ** 2 + energy(held(x_model)) ** 2)",
        "Du and Mordatch 2019, algorithm 1",
    ),
)
wrong_versions(
    "ReplayBuffer.start",
    ("points counted from the newest", "kept = self.points[_]", "kept = self.points[::-1][_]"),
    ("the fraction that goes on", "anew[:, None] < fraction", "anew[:, None] > fraction"),
    ("the last point never", KEPT, "np.floor(which * (len(self.points) - 1))"),
    ("rounded", KEPT, "np.round(which * (len(self.points) - 1))"),
    ("one number for both choices", KEPT, "np.floor(anew * len(self.points))"),
    ("as if the buffer were full", KEPT, "np.minimum(which * self.capacity, len(self.points) - 1)", "a full buffer"),
    ("the decision of the first chain for all", "anew[:, None] <", "anew[:1, None] + 0 * anew[:, None] <", "one row"),
    ("the newest point alone", KEPT, "(0 * which + len(self.points) - 1)"),
)
wrong_versions(
    "ReplayBuffer.push",
    (
        "the newest leave first",
        f"ReplayBuffer({ALL}, ...)",
        f"ReplayBuffer({ALL}[: self.capacity], ...)",
        "room for all",
    ),
    ("the oldest are never replaced", ALL, "np.concatenate([x, self.points])"),
    ("what was there is lost", ALL, "x"),
    ("no bound", "ReplayBuffer(..., self.capacity)", "ReplayBuffer(..., self.capacity + len(x))", "room for all"),
    ("the first new point alone", ALL, "np.concatenate([self.points, x[:1]])", "one row"),
    ("the first point stays", ALL, "np.concatenate([self.points[1:], self.points[:1], x])"),
)
wrong_versions(
    "theorem machines_have_two_phases",
    (
        "hidden units of the wrong phase",
        "hidden_at_the_end = hidden",
        "hidden_at_the_end = (before[:, None] * step).T @ hidden / end[:, None]",
        "visible biases",
        "rbms 31/32",
    ),
)


def of_buffer(ask, _, method):
    """A buffer as data, and the arguments of its method."""
    given = {"buffer": {"points": ask.grid((5, ask.d), -2, 2), "capacity": ask.fixed.get("capacity", 7)}}
    if method == "push":
        return given | {"x": ask.around("x")}
    u = ask.grid((ask.n, 2), 1 / 64, 63 / 64)
    return given | {"fresh": ask.around("x"), "fraction": ask.fixed.get("fraction", ask.scalar(0.375)), "u": u}


def ask_buffer(impl, function, given):
    """Where chains start, or the points of a buffer after a push, padded with zeros."""
    buffer, *given = given.values()
    method = function.partition(".")[2]
    result = getattr(impl.ReplayBuffer(**buffer), method)(*given)
    if method != "push":
        return result
    most = len(buffer["points"]) + len(given[0])
    return np.concatenate([result.points, np.zeros((most, result.points.shape[1]))])[:most]


asked("ReplayBuffer", arguments=of_buffer, call=ask_buffer, unasked="state, which every program stores in its own way")
asked("contrastive_divergence", more_kinds=("binary_rbm", "gaussian_rbm"), gradient=True)
