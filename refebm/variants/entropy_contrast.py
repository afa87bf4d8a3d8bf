"""Variants of contrastive divergence with its entropy term."""

from refebm.variants.asked import asked
from refebm.variants.record import conventions, terms, wrong_versions

LAST = "(held_energy(x_model) + log_q(x_model))"

wrong_versions(
    "contrastive_divergence_with_entropy",
    ("sign of the last term", f"- {LAST}", f"+ {LAST}", "finite", "a training script of Du et al. 2021"),
    ("no entropy", LAST, "held_energy(x_model)"),
    ("sign of the entropy", LAST, "(held_energy(x_model) - log_q(x_model))"),
    ("the energy that is held differentiated too", "held_energy(x_model)", "energy(x_model)", "the value"),
    ("nothing flows through the samples", LAST, "(held_energy(held(x_model)) + log_q(held(x_model)))", "the value"),
    ("gradient flows through the negative phase", "energy(held(x_model))", "energy(x_model)", "the value"),
    ("entropy at the data", "log_q(x_model)", "log_q(x)"),
)
conventions(
    "contrastive_divergence_with_entropy",
    ("the term left out: contrastive divergence", f" - {LAST}", "", "Hinton 2002, section 2"),
)
terms(
    "contrastive_divergence_with_entropy",
    ("E(x)", "energy(x)"),
    ("-E(x')", "-energy(held(x_model))"),
    ("-E_held(x')", "-held_energy(x_model)"),
    ("-log q(x')", "-log_q(x_model)"),
)


def one_model(ask, function):
    """The arguments by their types, but the same energy twice."""
    given = ask.of_types(function)
    return given | {"held_energy": given["energy"]}


asked(
    "contrastive_divergence_with_entropy",
    arguments=one_model,
    draws={"log_q": lambda ask, name: ask.log_density("quadratic", 1.75)},
    gradient=True,
)
