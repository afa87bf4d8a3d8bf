"""Variants of the Metropolis-Hastings kernels."""

from refebm.variants.asked import FAR, asked
from refebm.variants.record import conventions, one_term, wrong_versions

ALWAYS = "walnuts 27, caustics 388"
INVERTED = "breeze 614, deal.II gallery 64, openturns 1260"
ROOT = "edward 731, DiffEqFlux 695, optax 281, csgmcmc 1"
FAB = "fab-jax 14"
UNBOUNDED = "(lambda s: s._replace(info=s.info._replace(acceptance=np.exp(-s.info.energy_error))))(accept("
BARKER = "Barker 1965"

ACCEPT = "accept(x, proposal, there, there - energy(x), u)"
wrong_versions(
    "metropolis_step",
    ("energies exchanged: the model taken for f = -E", "there - energy(x)", "energy(x) - there", "the proposal"),
    ("always accepts", "there - energy(x)", "0 * there", "the proposal", ALWAYS),
    ("threshold without its minus: -log u", "accept(..., u)", "accept(..., 1 / u)", "the acceptance", FAB),
    ("accepts by the size of the change", "there - energy(x)", "np.abs(there - energy(x))", "the proposal"),
    ("a temperature of 2", "there - energy(x)", "0.5 * (there - energy(x))", "the proposal"),
    ("one u for all rows", "accept(..., u)", "accept(..., u[0])", "one row"),
    ("one noise for all rows", "scale * z", "scale * z[:1]", "one row", "coreax 375"),
    ("scale squared", "scale * z", "scale**2 * z", "scale = 1", "pyro 1643, edward 722"),
    ("not from where the chain is", "x + scale * z", "scale * z", "at the centre"),
    (
        "noise that is not symmetric, uncorrected",
        "scale * z",
        "scale * (z + 0.5)",
        "finite",
        "printed in HY-673 lecture 12: x' = x + noise, whatever its law",
    ),
    ("acceptance without the minimum", ACCEPT, f"{UNBOUNDED}x, proposal, there, there - energy(x), u))", "the states"),
    (
        "energies capped, NaN too",
        ACCEPT,
        "accept(x, proposal, np.fmin(there, 1.0), np.fmin(there, 1.0) - energy(x), u)",
        "the proposal",
    ),
)
conventions(
    "metropolis_step",
    ("scale is the variance of the noise", "scale * z", "np.sqrt(scale) * z", "Roberts, Gelman and Gilks 1997"),
    ("Barker's acceptance: r/(1 + r)", "there - energy(x)", "np.logaddexp(0, there - energy(x))", BARKER),
)
wrong_versions(
    "theorem random_walks_slow_down_in_proportion_to_d",
    (
        "exponentially",
        "settled = 2 * scipy.special.stdtr(...)",
        "settled = (2 * scipy.special.stdtr(3, -0.5 * length * np.sqrt(3.0))) ** d",
        "direction",
        "printed in HY-673 lecture 12: convergence slows down exponentially in dimensionality",
    ),
)

CORRECTION = "+ 0.5 * squared_norm(z_back) - 0.5 * squared_norm(z)"
RATIO = f"there - here {CORRECTION}"
wrong_versions(
    "mala_step",
    ("no correction for the proposal", CORRECTION, "", "the proposal", INVERTED),
    (
        "correction inverted",
        CORRECTION,
        "- 0.5 * squared_norm(z_back) + 0.5 * squared_norm(z)",
        "the proposal",
        INVERTED,
    ),
    ("always accepts", RATIO, "0 * there", "the proposal", ALWAYS),
    ("way back with the score of the start", "eta * s_there", "eta * s", "the proposal", "BAT.jl 532, flowMC 78/90"),
    ("way back without drift", " + eta * s_there", "", "the proposal", "BAT.jl 532"),
    ("way back with the drift's sign turned", "+ eta * s_there", "- eta * s_there", "the proposal"),
    ("stale energy: of the start, for the end", "there - here +", "here - here +", "the proposal", "keanu 33"),
    ("1/2 left out of the correction", CORRECTION, "+ squared_norm(z_back) - squared_norm(z)", "the proposal"),
    ("energies exchanged", "there - here", "here - there", "the proposal"),
    ("a temperature of 2, left out of the drift", "there - here", "0.5 * (there - here)", "the proposal"),
    ("threshold without its minus: -log u", "accept(..., u)", "accept(..., 1 / u)", "the acceptance", FAB),
    ("one u for all rows", "accept(..., u)", "accept(..., u[0])", "one row"),
    ("one noise for all rows", "* z\n", "* z[:1]\n", "one row", "coreax 375"),
    ("sqrt(eta) for sqrt(2 eta)", "np.sqrt(2 * eta) * z", "np.sqrt(eta) * z", "finite", ROOT),
    ("2 eta for its root", "np.sqrt(2 * eta) * z", "2 * eta * z", "eta = 1/2", ROOT),
    (
        "sqrt(eta) for sqrt(2 eta), back",
        "-(move + eta * s_there) / np.sqrt(2 * eta)",
        "-(move + eta * s_there) / np.sqrt(eta)",
        "the proposal",
        ROOT,
    ),
    (
        "2 eta for its root, back",
        "-(move + eta * s_there) / np.sqrt(2 * eta)",
        "-(move + eta * s_there) / (2 * eta)",
        "eta = 1/2",
    ),
    ("half the drift", "= eta * s +", "= 0.5 * eta * s +"),
    ("drift downhill", "= eta * s +", "= -eta * s +"),
    (
        "acceptance without the minimum",
        f"accept(x, proposal, there, {RATIO}, u)",
        f"{UNBOUNDED}x, proposal, there, {RATIO}, u))",
        "the states",
    ),
    (
        "energies capped, NaN too",
        f"accept(x, proposal, there, {RATIO}, u)",
        f"accept(x, proposal, np.fmin(there, 1.0), np.fmin(there, 1.0) - here {CORRECTION}, u)",
        "the proposal",
    ),
)
conventions("mala_step", ("Barker's acceptance: r/(1 + r)", RATIO, f"np.logaddexp(0, {RATIO})", BARKER))

QUADRATIC = {"d": 3, "n": 4, "kind": "quadratic"}
INFINITE = ("a proposal of infinite energy", QUADRATIC | {"walls": True})
NAN = ("a proposal whose energy is NaN", QUADRATIC | {"holes": True})
asked("metropolis_step", seed=6_000, far=FAR, beside=(INFINITE, NAN))
asked("mala_step", draws={"eta": 1.125}, seed=2_000, far=FAR, beside=(INFINITE, NAN))
one_term("mala_step metropolis_step")
