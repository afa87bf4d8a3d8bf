"""Variants of leapfrog and of Hamiltonian Monte Carlo."""

from refebm.variants.asked import FAR, asked
from refebm.variants.metropolis import ALWAYS, BARKER, FAB, INFINITE, NAN, UNBOUNDED
from refebm.variants.record import conventions, one_term, wrong_versions

FIRST, LAST = "p = p + 0.5 * eps * score(x)", "x, p + 0.5 * eps * score(x)"
VERLET = (
    "half a step in x first, and last (position Verlet)",
    FIRST,
    "x = x + 0.5 * eps * p\n    for _ in range(n_steps):\n        p = p + eps * score(x)\n        x = x + eps * p\n"
    "    return x - 0.5 * eps * p, p",
    "Leimkuhler and Reich 2004, section 4.1",
)
wrong_versions(
    "leapfrog",
    ("eps divided by the number of steps", FIRST, f"eps = eps / n_steps; {FIRST}", "one step"),
    ("first half step left out", FIRST, "p = p + 0 * score(x)"),
    ("last half step left out", LAST, "x, p", "the states"),
    ("first half step a whole one", FIRST, "p = p + eps * score(x)"),
    ("last half step a whole one", LAST, "x, p + eps * score(x)", "the states"),
    ("stale score in the last half step", LAST, "x, p + 0.5 * eps * score(x - eps * p)", "the states"),
    ("a step too few", "range(n_steps - 1)", "range(max(n_steps - 2, 0))", "one step"),
    ("a step too many", "range(n_steps - 1)", "range(n_steps)", "reversible"),
    ("half steps of the momentum within", "p = p + eps * score(x)", "p = p + 0.5 * eps * score(x)", "one step"),
    ("half steps of the position", "x = x + eps * p\n        p =", "x = x + 0.5 * eps * p\n        p =", "one step"),
    ("step left out of the last move", "x = x + eps * p\n    return", "x = x + p\n    return", "eps = 1"),
    ("sign of the score", FIRST, f"score = (lambda s: lambda x: -s(x))(score); {FIRST}", "reversible"),
    (
        "explicit Euler: both from the state before",
        FIRST,
        "for _ in range(n_steps):\n        x, p = x + eps * p, p + eps * score(x)\n    return x, p",
    ),
    (
        "symplectic Euler: whole steps, no halves at the ends",
        FIRST,
        "for _ in range(n_steps):\n        p = p + eps * score(x)\n        x = x + eps * p\n    return x, p",
    ),
    ("one momentum for all rows", FIRST, "p = p[:1] + 0.5 * eps * score(x)", "one row", "coreax 375"),
)
conventions(
    "leapfrog",
    ("the momentum is turned round at the end", LAST, "x, -(p + 0.5 * eps * score(x))", "Neal 2011, section 3.2"),
    VERLET,
)

END = "leapfrog(..., eps, n_steps)"
KINETIC = "+ 0.5 * squared_norm(p), energy(end) + 0.5 * squared_norm(p_end)"
ACCEPT = "accept(x, end, there, there - here, u)"
wrong_versions(
    "hmc_step",
    (
        "eps divided by the number of steps",
        "leapfrog(..., eps, n_steps)",
        "leapfrog(..., eps / n_steps, n_steps)",
        "one step",
    ),
    ("accepts by |dH|", "there - here", "np.abs(there - here)", "the proposal"),
    ("always accepts", "there - here", "0 * there", "the proposal", ALWAYS),
    (
        "kinetic energy of the position",
        KINETIC,
        KINETIC.replace("(p)", "(x)").replace("p_", ""),
        "the proposal",
        "blackjax 46",
    ),
    ("kinetic energy of the momentum at the start", "squared_norm(p_end)", "squared_norm(p)", "the proposal"),
    (
        "kinetic energy after the first half step of the momentum",
        "squared_norm(p)",
        "squared_norm(p + 0.5 * eps * energy_and_score(energy, x)[1])",
        "the proposal",
    ),
    ("kinetic energy without its 1/2", KINETIC, KINETIC.replace("0.5 * ", ""), "the proposal"),
    ("sign of the kinetic energy", KINETIC, KINETIC.replace("+", "-"), "the proposal"),
    ("total energies exchanged", "there - here", "here - there", "the proposal"),
    ("a temperature of 2, left out of the path", "there - here", "0.5 * (there - here)", "the proposal"),
    ("threshold without its minus: -log u", "accept(..., u)", "accept(..., 1 / u)", "the acceptance", FAB),
    ("one u for all rows", "accept(..., u)", "accept(..., u[0])", "one row"),
    ("sign of the score", "lambda x: energy_and_score(...)[1]", "lambda x: -energy_and_score(...)[1]"),
    ("one long step", "leapfrog(..., eps, n_steps)", "leapfrog(..., eps * n_steps, 1)", "one step"),
    ("acceptance without the minimum", ACCEPT, f"{UNBOUNDED}x, end, there, there - here, u))", "the states"),
    (
        "energies capped, NaN too",
        ACCEPT,
        "accept(x, end, np.fmin(there, 4.0), np.fmin(there, 4.0) - here, u)",
        "the proposal",
    ),
)
wrong_versions(
    "hmc_step",
    ("last half step left out", LAST, "x, p", "the proposal"),
    ("first half step left out", FIRST, "p = p + 0 * score(x)"),
    inside="leapfrog",
)
conventions(
    "hmc_step",
    ("Barker's acceptance: r/(1 + r)", "there - here", "np.logaddexp(0, there - here)", BARKER),
)
conventions("hmc_step", VERLET, inside="leapfrog")

asked("hmc_step", draws={"eps": 1.125}, seed=62_000, far=FAR, beside=(INFINITE, NAN))
asked("leapfrog", parts=("the positions", "the momenta"))
one_term("hmc_step leapfrog")
