"""The bank of variants: conventions are none of the mistakes, terms add up to their formula and can be told apart."""

from itertools import combinations

import numpy as np
import pytest

from refebm.crosscheck.questions import EXAMINED
from refebm.identities import REFERENCE
from refebm.variants import CONVENTIONS, TERMS, WRONG, Convention, Wrong
from refebm.variants.questions import SDES, answer
from refebm.variants.steps import steps, weightings

VARIANTS = [*WRONG, *CONVENTIONS]
QUESTIONS = [
    {"seed": 0, "d": 3, "n": 4, "m": 3},
    {"seed": 1, "d": 2, "n": 3, "sigma": 0.75},
    {"seed": 2, "d": 1, "n": 5, "m": None},
    {"seed": 3, "d": 3, "n": 2, "sigma": 1.75, "kind": "mixture"},
    {"seed": 4, "d": 2, "n": 4, "m": None, "kind": "mixture"},
    {"seed": 5, "d": 1, "n": 3, "kind": "quadratic"},
]
ONE_TERM = {  # whose formula adds nothing up, or one kind of thing over coordinates or components
    *("score_of", "at", "divergence", "field_and_divergence", "jacobian_vector_product", "hutchinson_divergence"),
    "coupled_metropolis_step",
    *("ratio_matching", "geometric_noise_levels", "smoothed_empirical", "standard_normal"),
    *("Gaussian.score", "Gaussian.smoothed", "Gaussian.posterior_cov"),
    *("GaussianMixture.log_prob", "GaussianMixture.score", "GaussianMixture.smoothed"),
    *("metropolis_step", "mala_step", "hmc_step", "leapfrog"),
    *("GaussianMixture.posterior_mean", "Gamma.fisher_information", "StudentT.score", "Laplace.score"),
    *("annealed_langevin", "decaying_steps"),
    *("autocovariance", "autocorrelation", "effective_sample_size", "split_r_hat"),
    *("BinaryRBM.hidden_mean", "BinaryRBM.visible_mean", "BinaryRBM.log_partition", "GaussianBernoulliRBM.hidden_mean"),
    *("estimated_log_partition", "gibbs_step"),
    *("conditional_noise_contrastive", "mixed_noise", "entropy_gradient"),
    *("minimum_probability_flow", "minimum_probability_flow_continuous"),
    *("predicted_noise", "score_of_noise", "VariancePreserving.betas", "VariancePreserving.drift"),
    *("VariancePreserving.marginal", "VariancePreserving.diffused", "VarianceExploding.sigma"),
    *(f"{one}.prior" for one in ("VarianceExploding", "VariancePreserving")),
    *(f"{one}.{method}" for one in SDES for method in ("diffusion", "kernel")),
    *("RealNVP.inverse", "RealNVP.sample", "LinearGaussianVAE.marginal", "LinearGaussianVAE.posterior_mean"),
    "predictor_corrector",
    *("noise_from_score", "score_from_noise", "marginal_of_steps"),
    *("karras_noise_levels", "karras_heun_step", "classifier_energy", "pseudo_likelihood"),
    *("cosine_betas", "level_coverage", "level_ratio", "annealed_variance", "annealed_step"),
}
SOURCES = (
    *("torchebm issue 318", "torchebm commit e2b2d595", "Carnot-EBM", "mog_score_matching", "claCase/ScoreMatching"),
    *("ermongroup/sliced_score_matching", "ncsn dsm", "ncsn gmm.py", "pc_score_matching", "cheind/score-based"),
    *("sliced_score_matching ParzenGaussian", "LSD GB-RBM", "enhuiz", "annotated_deep_learning 152", "pyro 1643"),
    *("edward 722", "blackjax 533", "coreax 375", "k-diffusion 45", "cdvae 7", "score_sde_pytorch 26"),
    *("edward 731", "google-research/ibc 6", "bobondemon", "ncsn toy_runner", "igebm-pytorch"),
    *("MCMCChains 229", "numpyro 1785", "pymc 1770"),
    *("module 18a", "Das 2021", "CS236", "HY-673"),
)


def answers(function, impl):
    kinds = EXAMINED.get(function, ())
    asked = [q if q.get("kind") in kinds else {key: q[key] for key in q if key != "kind"} for q in QUESTIONS]
    return np.concatenate([np.ravel(answer(function, impl, **question)) for question in asked])


@pytest.fixture(scope="module")
def reference():
    return {function: answers(function, REFERENCE) for function in {v.function for v in CONVENTIONS} | set(TERMS)}


@pytest.fixture(scope="module")
def columns():
    return {f: np.stack([answers(f, term.implementation()) for term in TERMS[f]], axis=1) for f in TERMS}


@pytest.mark.parametrize("function", sorted({convention.function for convention in CONVENTIONS}))
def test_conventions_are_neither_right_nor_wrong(function, reference):
    """Each has a finite value of its own, which is not the reference's, a mistake's, or another convention's."""
    values = {v.name: answers(function, v.implementation()) for v in VARIANTS if v.function == function}
    conventions = [v.name for v in CONVENTIONS if v.function == function]
    values["the reference"] = reference[function]
    for name in conventions:
        assert values[name].shape == reference[function].shape and np.all(np.isfinite(values[name])), name
    for name, other in combinations(values, 2):
        if {name, other} & set(conventions):
            a, b = values[name], values[other]
            assert np.any(np.abs(a - b) > 1e-12 * (np.abs(a) + np.abs(b))), f"{name} is {other}"


@pytest.mark.parametrize("function", TERMS)
def test_terms_add_up(function, reference, columns):
    terms = columns[function]
    assert np.all(np.abs(np.sum(terms, axis=1) - reference[function]) <= 1e-13 * np.sum(np.abs(terms), axis=1))


@pytest.mark.parametrize("function", TERMS)
def test_terms_are_independent(function, columns):
    """Scaled to length one, the columns are far from dependent: coefficients can be read off an answer."""
    scaled = columns[function] / np.linalg.norm(columns[function], axis=0)
    assert np.linalg.svd(scaled, compute_uv=False)[-1] > 1e-3


def test_every_formula_that_adds_terms_has_them():
    assert set(TERMS) == set(EXAMINED) - ONE_TERM
    assert all(len(row) > 1 and len({term.words for term in row}) == len(row) for row in TERMS.values())


def test_names_are_unique():
    names = [str(variant) for variant in VARIANTS]
    assert len(set(names)) == len(names)


def test_patches_read_as_one_line():
    for variant in VARIANTS:
        assert variant.formula == " ".join(variant.formula.split()) and "\n" not in variant.name
    assert Wrong("f", "g", "+ 1\n", "", "finite").formula == 'without "+ 1"'
    assert Convention("f", "g", " 0.5 *", "0.5 /\n    d *").formula == 'with "0.5 / d *" for "0.5 *"'


@pytest.mark.parametrize("source", SOURCES)
def test_sources_are_cited(source):
    cited = [v.seen if isinstance(v, Wrong) else v.where for v in VARIANTS]
    cited += [step.source for function in EXAMINED for step in (*steps(function), *weightings(function))]
    assert any(source in text for text in cited)
    assert all(text == text.strip() for text in cited)
