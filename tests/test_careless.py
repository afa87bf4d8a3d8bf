"""What strangers hand over: callables and machines that write into what they get, arrays of other libraries."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from autograd.extend import defvjp, primitive

import refebm
from refebm import InputError, glossary
from tests.refused import refused

X = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
Z = X[::-1] + 0.5
U = np.full(3, 0.5)


def square(x):
    return x[:, 0] ** 2


def scribbling(x):
    values = square(x)
    x[...] = 7.0
    return values


def halving(x):
    x *= 0.5
    return square(x)


class Scribbling:
    """A unit normal density that writes into its points."""

    box = (-8.0, 8.0)

    def log_prob(self, x):
        values = -0.5 * np.sum(x**2 + np.log(2 * np.pi), axis=1)
        x[...] = 3.0
        return values


@pytest.mark.parametrize("degree", [None, 4])
def test_functions_of_an_expectation_do_not_disturb_each_other(degree):
    for functions, right in (([scribbling, square], [1, 1]), ([halving, square, scribbling], [0.25, 1, 1])):
        found = refebm.expect(functions, refebm.standard_normal(1), degree=degree)
        np.testing.assert_allclose(found.value, right, rtol=1e-14)


def test_a_density_that_writes_is_integrated_all_the_same():
    np.testing.assert_allclose(refebm.expect([square], Scribbling()).value, [1.0], rtol=1e-12)


def losses(energy, score):
    """Objectives in parameters W, of callables that are built from them."""
    return {
        "energy": lambda W: refebm.negative_log_likelihood(energy(W), 0.0, X),
        "log_model": lambda W: refebm.noise_contrastive(energy(W), lambda x: 0.0 * x[:, 0], X, np.stack([Z, X])),
        "score": lambda W: refebm.denoising_score_matching(score(W), X, 0.5, Z),
        "score of pairs": lambda W: refebm.kernel_stein(score(W), X, 1.0),
        "score of a step": lambda W: refebm.langevin_step(score(W), X, 0.5, Z).x,
    }


def spoilt(after):
    """A linear field, which writes into its points after they were used."""

    def field(W):
        def of(x):
            values = -anp.dot(x, W)
            after(x)
            return values

        return of

    return (lambda W: lambda x: anp.sum(field(W)(x) ** 2, axis=1)), field


@pytest.mark.parametrize("name", losses(None, None))
def test_what_a_derivative_reads_again_may_not_be_written_into(name):
    def write(x):
        x[...] = 77.0

    loss = losses(*spoilt(write))[name]
    loss(np.eye(2))  # the value alone needs nothing again
    with pytest.raises(InputError, match=f"E-CALLABLE: {name.partition(' ')[0]}.*must not write into its arguments"):
        grad(lambda W: anp.sum(loss(W)))(np.eye(2))


def test_what_a_derivative_reads_again_cannot_be_written_into_later():
    kept = []
    loss = losses(*spoilt(kept.append))["score"]
    grad(lambda W: anp.sum(loss(W)))(np.eye(2))
    with pytest.raises(ValueError, match="read-only"):
        kept[0][...] = 1.0


@primitive
def doubled(x):
    values = 2 * x
    x[...] = 0.0
    return values


@primitive
def summed(x):
    values = np.sum(x, axis=1)
    x[...] = 5.0
    return values


@primitive
def distance(p):
    value = np.sum((p - 3.0) ** 2)
    p += 100.0
    return value


defvjp(doubled, lambda y, x: lambda g: 2 * g)
defvjp(summed, lambda y, x: lambda g: anp.outer(g, np.ones(2)))
defvjp(distance, lambda y, p: lambda g: g * 2 * (p - 103.0))
DERIVATIVES = {
    "divergence": lambda x: refebm.divergence(doubled, x),
    "product": lambda x: refebm.jacobian_vector_product(doubled, x, Z),
    "score": lambda x: refebm.score_of(summed)(x),
    "mala": lambda x: refebm.mala_step(summed, x, 0.1, Z, U),
    "laplacian": lambda x: refebm.laplacian_score_matching(doubled, x),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_a_primitive_of_the_users_does_not_reach_the_callers_points(name):
    x = X.copy()
    DERIVATIVES[name](x)
    np.testing.assert_array_equal(x, X)


def test_a_primitive_of_the_users_does_not_reach_the_parameters():
    """A step of 0.1 down the slope 2 (p - 3)."""
    start = {"p": np.array([0.0, 1.0])}
    fit = refebm.minimise_noisy(lambda theta, i: distance(theta["p"]), start, 1, 0.1, adam=False, progress=False)
    np.testing.assert_allclose(fit.parameters["p"], [0.6, 1.4], rtol=1e-14)
    np.testing.assert_array_equal(start["p"], [0.0, 1.0])


def test_an_error_of_linear_algebra_is_not_explained_away():
    def singular(x):
        return np.linalg.inv(0 * x[:2, :2])[0] if len(x) > 3 else x[:, 0]

    with pytest.raises(np.linalg.LinAlgError):
        refebm.conditional_noise_contrastive(singular, X, np.stack([X, Z]))


# ---- machines of the user's own ----

V, H, U_V = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]), np.full((2, 2), 0.25), np.full((2, 3), 0.625)
RBM = refebm.BinaryRBM(np.zeros(3), np.zeros(2), np.arange(6.0).reshape(3, 2) - 2)


class Machine:
    """RBM by its methods, each of which may be spoilt."""

    d, m = 3, 2

    def __init__(self, change=lambda values, *given: values, **more):
        for name in ("hidden_given", "visible_given", "energy", "hidden_mean", "visible_mean"):
            setattr(self, name, lambda *given, name=name: change(getattr(RBM, name)(*given), *given))
        vars(self).update(more)


def overwriting(values, *given):
    for one in given:
        one[...] = 9.0
    return values


def in_float32(values, *_):
    return values.astype(np.float32)


MACHINES = {
    "a row": (lambda values, *_: values[:1], "E-CALLABLE rbm"),
    "an axis": (lambda values, *_: values[..., None], "E-CALLABLE rbm"),
    "complex": (lambda values, *_: values + 1j, "E-CALLABLE rbm"),
    "a list": (lambda values, *_: values.tolist(), "E-CALLABLE rbm"),
    "masked": (lambda values, *_: np.ma.array(values, mask=values == values), "E-MASKED rbm"),
}
USES = {
    "gibbs": lambda rbm: refebm.gibbs_step(rbm, V, H, U_V).x,
    "free energy": lambda rbm: refebm.mean_field_free_energy(rbm, V, H),
    "contrast": lambda rbm: refebm.mean_field_contrastive_divergence(rbm, V, 2),
}


@pytest.mark.parametrize("use", USES)
def test_a_machine_of_the_users_is_measured(use):
    before = V.copy(), H.copy(), U_V.copy()
    for change, rtol in ((lambda values, *_: values, 0), (overwriting, 0), (in_float32, 1e-6)):
        np.testing.assert_allclose(USES[use](Machine(change)), USES[use](RBM), rtol=rtol)
    for one, had in zip((V, H, U_V), before):
        np.testing.assert_array_equal(one, had)
    for change, code in MACHINES.values():
        refused(lambda change=change: USES[use](Machine(change)), code)
    for layer in ({"m": None}, {"d": 0}, {"m": 2.0}):
        refused(lambda layer=layer: USES[use](Machine(**layer)), "E-RBM rbm .*visible.*hidden")


def test_a_machine_keeps_copies():
    W = np.ones((3, 2))
    for rbm in (refebm.BinaryRBM(np.zeros(3), np.zeros(2), W), refebm.GaussianBernoulliRBM(np.zeros(3), [0, 0], W, 1)):
        before = rbm.free_energy(V)
        W[...] = 5.0
        np.testing.assert_array_equal(rbm.free_energy(V), before)
        W[...] = 1.0


def test_the_prior_of_an_sde_of_the_users_is_a_density():
    class Own:
        drift, diffusion = (lambda self, x, t: -x), (lambda self, t: 1 + 0 * t)

        def prior(self, d):
            return 5

    refused(lambda: refebm.probability_flow_log_prob(lambda x, t: -x, Own(), X), r"E-DENSITY sde.prior\(d\)")


# ---- arrays of other libraries ----


class Foreign:
    """An array of another library, such as a column of a table: float64, with other rules for indices."""

    def __init__(self, values):
        self.values = np.array(values, float)

    dtype = property(lambda self: self.values.dtype)
    shape = property(lambda self: self.values.shape)
    ndim = property(lambda self: self.values.ndim)

    def __len__(self):
        return len(self.values)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)

    def __getitem__(self, key):
        raise KeyError(key)


class Sparse(Foreign):
    """An array that NumPy cannot read."""

    def __array__(self, dtype=None, copy=None):
        return np.array(object())


CHAINS = np.sin(np.arange(40.0)).reshape(10, 2, 2)
TAKE_ARRAYS = {
    "x": (lambda a: refebm.denoising_score_matching(lambda x: -x, a, 0.5, Z), X),
    "sigma": (lambda a: refebm.denoising_score_matching(lambda x: -x, X, a, Z), U),
    "x of halves": (lambda a: refebm.split_r_hat(a), CHAINS),
    "x of chains": (lambda a: refebm.effective_sample_size(a), CHAINS),
    "parameters": (lambda a: refebm.Model("gamma", {"shape": np.array([2.0, 3.0]), "rate": a})(1 + X**2), np.ones(2)),
    "b": (lambda a: refebm.BinaryRBM(a, [0.0], [[1.0], [2.0]]).free_energy(X > 0), X[0]),
}


@pytest.mark.parametrize("name", TAKE_ARRAYS)
def test_arrays_of_other_libraries_are_converted(name):
    call, good = TAKE_ARRAYS[name]
    np.testing.assert_array_equal(call(Foreign(good)), call(good))
    np.testing.assert_array_equal(call(good.astype(">f8")), call(good))
    refused(lambda: call(Sparse(good)), rf"E-DTYPE {name.partition(' ')[0]}\W.*object")


# ---- sizes ----

MANY = 10**6
TOO_MANY = {
    "betas": (lambda: refebm.VariancePreserving(0.1, 20.0).betas(MANY), "E-SIZE n_steps"),
    "cosine": (lambda: refebm.cosine_betas(MANY), "E-SIZE n_steps"),
    "steps": (lambda: refebm.decaying_steps(0.1, 0.5, MANY), "E-SIZE n_steps"),
    "levels": (lambda: refebm.karras_noise_levels(2**40, 0.1, 1.0), "E-SIZE n "),
    "starts": (
        lambda: refebm.draw_by_annealed_langevin(
            lambda x, s: -x, [2.0, 1.0], 0.1, 1, 1000, 1000, np.random.default_rng(0)
        ),
        "E-SIZE .*2 x 1 x 1000 x 1000",
    ),
    "a normal": (lambda: refebm.standard_normal(500), "E-SIZE .*4 x 500 x 500"),
    "a degree": (
        lambda: refebm.expect([square], refebm.standard_normal(1), degree=700),
        "E-SIZE .*351.*350 on an axis",
    ),
}


@pytest.mark.parametrize("name", TOO_MANY)
def test_what_memory_or_the_rule_cannot_hold_is_refused_at_once(name, monkeypatch):
    monkeypatch.setattr(glossary, "MOST_NUMBERS", 10**6 - 1)  # instead of a quarter of the machine's memory
    refused(*TOO_MANY[name])


def test_a_spherical_normal_of_many_dimensions_needs_no_linear_algebra(monkeypatch):
    """-1/2 |x|^2/c - d/2 log(2 pi c); eigenvalues of an image's covariance would take minutes."""
    for name in ("eigvalsh", "cholesky", "inv"):
        monkeypatch.setattr(anp.linalg, name, None)
    p, x = refebm.Gaussian(np.zeros(200), 4.0), np.ones((1, 200))
    np.testing.assert_allclose(p.log_prob(x), -25 - 100 * np.log(8 * np.pi), rtol=1e-14)
    np.testing.assert_array_equal(p.score(x), -0.25 * x)


def test_the_largest_rule_is_exact():
    """E x^696 is 695!!."""
    found = refebm.expect([lambda x: (x[:, 0] / 25) ** 696], refebm.standard_normal(1), degree=696)
    right = np.sum(np.log(np.arange(1.0, 696, 2))) - 696 * np.log(25)
    np.testing.assert_allclose(np.log(found.value[0]), right, rtol=1e-12)


def test_heavy_tails_along_the_axes_have_an_integral():
    """The tails of two Cauchy densities along one axis are as narrow across it as their bulk."""
    found = refebm.log_partition(lambda x: np.sum(np.log1p(x**2), axis=1), 2, with_error=True)
    assert abs(found.value - 2 * np.log(np.pi)) <= 1e-12 and found.error <= 1e-9
