"""Variants of block Gibbs sampling."""

from refebm.variants.asked import asked
from refebm.variants.record import conventions, one_term, wrong_versions

FIELD = "rbm.b + np.dot(rbm.hidden_mean(v), rbm.W.T)"
MEAN_FIELD = (
    f'moved({FIELD} + rbm.sigma * u_v if hasattr(rbm, "sigma") else 1.0 * (u_v < 1 / (1 + np.exp(-({FIELD})))))'
)
TWICE = "U and 1 - U have the same law"

wrong_versions(
    "gibbs_step",
    ("hidden units rounded, not drawn", "rbm.hidden_given(v, u_h)", "rbm.hidden_given(v, 0 * u_h + 0.5)"),
    ("hidden units turned round", "h = rbm.hidden_given(v, u_h)", "h = 1 - rbm.hidden_given(v, u_h)"),
    ("visible units at their means", "rbm.visible_given(h, u_v)", "rbm.visible_mean(h)"),
    ("hidden units whatever the visible ones are", "rbm.hidden_given(v, u_h)", "rbm.hidden_given(0 * v, u_h)"),
    (
        "the same noise in each row",
        "rbm.hidden_given(v, u_h)",
        "rbm.hidden_given(v, 0 * u_h + u_h[:1])",
        "one row",
        "coreax 375",
    ),
    (
        "the noise of the hidden units again",
        "rbm.visible_given(h, u_v)",
        "rbm.visible_given(h, np.resize(u_h, u_v.shape))",
    ),
    ("visible units given the means of the hidden ones", "moved(rbm.visible_given(h, u_v))", MEAN_FIELD),
    (
        "sigma squared for sigma",
        "rbm.visible_given(h, u_v)",
        'rbm.visible_given(h, getattr(rbm, "sigma", 1.0) * u_v)',
        "sigma = 1",
        "pyro 1643, edward 722",
    ),
    ("the visible units stay", "rbm.visible_given(h, u_v)", "v + 0 * rbm.visible_mean(h)"),
)
conventions(
    "gibbs_step",
    (
        "a hidden unit is 1 where 1 - u is below its probability",
        "rbm.hidden_given(v, u_h)",
        "rbm.hidden_given(v, 1 - u_h)",
        TWICE,
    ),
)


def state_and_noise(ask, _):
    """A machine, the states of its visible units, and noise in the form that each kind of units needs."""
    rbm = ask.model(ask.kind if ask.kind == "gaussian_rbm" else "binary_rbm")
    v, noise = ask.array("v"), ask.grid((ask.n, ask.d), 1 / 64, 63 / 64)
    binary = rbm.kind == "binary_rbm"
    return {
        "rbm": rbm,
        "v": ask.units(v) if binary else v,
        "u_h": ask.grid((ask.n, len(rbm.parameters["c"])), 1 / 64, 63 / 64),
        "u_v": noise if binary else 4 * noise - 2,
    }


MACHINES = ("binary_rbm", "gaussian_rbm")
asked(
    "gibbs_step",
    arguments=state_and_noise,
    generic=lambda i, half, d, n: {"kind": MACHINES[i % 2]},
    rounded={"kind": "gaussian_rbm"},  # bits are never rounded
    each=tuple({"kind": kind} for kind in MACHINES),
)
one_term("gibbs_step")
