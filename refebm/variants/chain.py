"""Variants of chains, tapes and diagnostics."""

from refebm.variants.asked import asked
from refebm.variants.record import conventions, one_term, wrong_versions

EBMKIT = "ebmkit, a package on PyPI"
SAME_KEY = "coreax 375: a fixed key"

wrong_versions(
    "run",
    (
        "the same noise at each step",
        "zip(*tape)",
        "zip(*[array[:1].repeat(len(array), 0) for array in tape])",
        "one step",
        SAME_KEY,
    ),
    ("tape from its end", "zip(*tape)", "zip(*[array[::-1] for array in tape])", "one step"),
    ("first noise left out", "x, info = step(x, *noise)", "y, info = x, step(x, *noise)[1]; x = y + noise[0]"),
    ("trajectory backwards", "np.stack(states)", "np.stack(states[::-1])", "one step"),
    ("acceptance added up", "acceptance / length", "acceptance", "one step"),
    ("acceptance of the last step", "acceptance + info.acceptance", "info.acceptance", "one step"),
    ("what fails counts as accepted", "accepted + info.accepted", "accepted + info.accepted + info.invalid"),
    (
        "one acceptance for all chains",
        "acceptance / length",
        "np.mean(acceptance) / length + 0 * acceptance",
        "one row",
    ),
)

NORMAL = "rng.standard_normal(memory(n_steps, n, d))"
LEVELS = "rng.standard_normal(memory(n_levels, n_steps, n, d))"
wrong_versions(
    "langevin_tape",
    ("the same noise at each step", NORMAL, "rng.standard_normal((1, n, d)).repeat(n_steps, 0)", "one step", SAME_KEY),
    ("one noise for all rows", NORMAL, "rng.standard_normal((n_steps, 1, d)).repeat(n, 1)", "one row"),
    ("one noise for all coordinates", NORMAL, "rng.standard_normal((n_steps, n, 1)).repeat(d, 2)", "d = 1"),
    ("uniform, of variance one", NORMAL, "rng.uniform(-(3**0.5), 3**0.5, (n_steps, n, d))"),
    ("signs", NORMAL, "rng.choice([-1.0, 1.0], (n_steps, n, d))"),
    ("uniform on (0, 1)", NORMAL, "rng.random((n_steps, n, d))"),
    ("time drawn last", NORMAL, "np.moveaxis(rng.standard_normal((n, d, n_steps)), 2, 0)", "one step"),
)
CORRECTIONS = "rng.standard_normal(memory(n_steps, 1 + n_corrections, n, d))"
wrong_versions(
    "predictor_corrector_tape",
    (
        "the same noise at each step",
        CORRECTIONS,
        "rng.standard_normal((1, 1 + n_corrections, n, d)).repeat(n_steps, 0)",
        "one step",
        SAME_KEY,
    ),
    (
        "the step's noise for its corrections",
        CORRECTIONS,
        "rng.standard_normal((n_steps, 1, n, d)).repeat(1 + n_corrections, 1)",
    ),
    (
        "one noise for all rows",
        CORRECTIONS,
        "rng.standard_normal((n_steps, 1 + n_corrections, 1, d)).repeat(n, 2)",
        "one row",
    ),
    ("signs", CORRECTIONS, "rng.choice([-1.0, 1.0], (n_steps, 1 + n_corrections, n, d))"),
    (
        "corrections before time",
        CORRECTIONS,
        "np.swapaxes(rng.standard_normal((1 + n_corrections, n_steps, n, d)), 0, 1)",
        "one step",
    ),
    ("uniform, of variance one", CORRECTIONS, "rng.uniform(-(3**0.5), 3**0.5, (n_steps, 1 + n_corrections, n, d))"),
)
wrong_versions(
    "annealed_langevin_tape",
    (
        "the same noise at each level",
        LEVELS,
        "rng.standard_normal((1, n_steps, n, d)).repeat(n_levels, 0)",
        "finite",
        SAME_KEY,
    ),
    ("the same noise at each step", LEVELS, "rng.standard_normal((n_levels, 1, n, d)).repeat(n_steps, 1)", "one step"),
    ("one noise for all rows", LEVELS, "rng.standard_normal((n_levels, n_steps, 1, d)).repeat(n, 2)", "one row"),
    ("one noise for all coordinates", LEVELS, "rng.standard_normal((n_levels, n_steps, n, 1)).repeat(d, 3)", "d = 1"),
    ("uniform, of variance one", LEVELS, "rng.uniform(-(3**0.5), 3**0.5, (n_levels, n_steps, n, d))"),
    ("steps before levels", LEVELS, "np.swapaxes(rng.standard_normal((n_steps, n_levels, n, d)), 0, 1)", "one step"),
)

DRAWN = "(rng.integers(0, 2**52, shape) + 0.5) / 2.0**52"
CELLS = (
    ("single precision: 0 is drawn", DRAWN, 'rng.random(shape, "float32")', "finite"),
    ("single precision: 1 is drawn", DRAWN, '1 - rng.random(shape, "float32")', "finite"),
    ("half of the range", DRAWN, "(rng.integers(0, 2**52, shape) + 0.5) / 2.0**53 + 0.25", "finite"),
)
Z_THEN_U = "rng.standard_normal(shape), _uniform(rng, shape[:2])"
wrong_versions("metropolis_tape", *CELLS, inside="_uniform")
wrong_versions(
    "metropolis_tape",
    ("u drawn before z", Z_THEN_U, "(_uniform(rng, shape[:2]), rng.standard_normal(shape))[::-1]"),
    ("one u for all rows", "_uniform(rng, shape[:2])", "_uniform(rng, (n_steps, 1)).repeat(n, 1)", "one row"),
    ("the same u at each step", "_uniform(rng, shape[:2])", "_uniform(rng, (1, n)).repeat(n_steps, 0)", "one step"),
    (
        "one noise for all rows",
        "rng.standard_normal(shape)",
        "rng.standard_normal((n_steps, 1, d)).repeat(n, 1)",
        "one row",
    ),
    ("u by step, not by tape", "_uniform(rng, shape[:2])", "_uniform(rng, shape[1::-1]).T", "one step"),
)
wrong_versions("gibbs_tape", *CELLS, inside="_uniform")
wrong_versions(
    "gibbs_tape",
    (
        "visible units first",
        "u_h, shape = _uniform(rng, memory(n_steps, n, rbm.m)), memory(n_steps, n, rbm.d)",
        "shape = (n_steps, n, rbm.d); first = _uniform(rng, shape); u_h = _uniform(rng, (n_steps, n, rbm.m)); "
        "return u_h, first",
    ),
    (
        "one u for all hidden units",
        "_uniform(rng, memory(n_steps, n, rbm.m))",
        "_uniform(rng, (n_steps, n, 1)).repeat(rbm.m, 2)",
    ),
    (
        "one u for all rows",
        "_uniform(rng, memory(n_steps, n, rbm.m))",
        "_uniform(rng, (n_steps, 1, rbm.m)).repeat(n, 1)",
        "one row",
    ),
    ("normal for uniform", 'hasattr(rbm, "sigma")', "True"),
)
PAIR = "_uniform(rng, memory(n_steps, n, 2))"
wrong_versions("replay_tape", *CELLS, inside="_uniform")
wrong_versions(
    "replay_tape",
    ("one u for both uses", PAIR, "_uniform(rng, (n_steps, n, 1)).repeat(2, 2)"),
    ("one pair for all chains", PAIR, "_uniform(rng, (n_steps, 1, 2)).repeat(n, 1)", "one row"),
    ("the same at each time", PAIR, "_uniform(rng, (1, n, 2)).repeat(n_steps, 0)", "one step"),
    ("normal for uniform", PAIR, "rng.standard_normal((n_steps, n, 2))"),
)

CENTRED = "x - np.mean(x, axis=0)"
FAST = "scipy.fft.next_fast_len(2 * length)"
POWER = f"power = np.abs(scipy.fft.rfft(x - np.mean(x, axis=0), {FAST}, axis=0)) ** 2\n    "
MEAN = f"np.mean(scipy.fft.irfft(power, {FAST}, axis=0)[: n_lags + 1], axis=1) / length"
BY_LAG = "(length - np.arange(n_lags + 1))[:, None]"
wrong_versions(
    "autocovariance",
    (
        "around the end of the chain to its start: no padding",
        f"{POWER}return {MEAN}",
        "power = np.abs(scipy.fft.rfft(x - np.mean(x, axis=0), axis=0)) ** 2\n    "
        "return np.mean(scipy.fft.irfft(power, length, axis=0)[: n_lags + 1], axis=1) / length",
    ),
    ("less the mean of all chains", CENTRED, "x - np.mean(x, axis=(0, 1))", "one row"),
    ("mean not taken away", CENTRED, "x"),
    ("less the first state", CENTRED, "x - x[0]"),
    ("first chain alone", MEAN, f"scipy.fft.irfft(power, {FAST}, axis=0)[: n_lags + 1, 0] / length", "one row"),
    ("amplitudes, not squared", "np.abs(_) ** 2", "np.abs(_)"),
    (
        "each piece less its own mean",
        f"{POWER}return {MEAN}",
        "pieces = [(x[: length - k], x[k:]) for k in range(n_lags + 1)]\n    "
        "each = [np.sum((a - np.mean(a, axis=0)) * b, axis=0) / length for a, b in pieces]\n    "
        "return np.mean(np.stack(each), axis=1)",
    ),
    (
        "mean over the coordinates",
        f"return {MEAN}",
        f"c = {MEAN}\n    return 0 * c + np.mean(c, axis=1)[:, None]",
        "d = 1",
    ),
)
conventions(
    "autocovariance",
    (
        "over T - t: unbiased but for the mean",
        "np.mean(..., axis=1) / length",
        f"np.mean(..., axis=1) / {BY_LAG}",
        "Priestley 1981, section 5.3; numpyro before 1877",
    ),
    ("over T - 1, as a variance", "np.mean(..., axis=1) / length", "np.mean(..., axis=1) / (length - 1)", "numpy.cov"),
    ("summed over the chains", f"{MEAN}", f"x.shape[1] * {MEAN}"),
)
wrong_versions(
    "autocorrelation",
    ("over the second", "c / c[0]", "c / c[1]"),
    ("over a deviation, not a variance", "c / c[0]", "c / np.sqrt(c[0])"),
    ("over the variance of all states", "c / c[0]", "c / np.var(x, axis=(0, 1))", "one row"),
    ("over the mean variance of the coordinates", "c / c[0]", "c / np.mean(c[0])", "d = 1"),
    ("squared", "c / c[0]", "(c / c[0]) ** 2"),
    (
        "Pearson's, each piece less its own mean and over its own deviation, as np.corrcoef",
        "return c / c[0]",
        "pieces = [(x[: len(x) - k], x[k:]) for k in range(n_lags + 1)]\n    "
        "pieces = [(a - np.mean(a, axis=0), b - np.mean(b, axis=0)) for a, b in pieces]\n    "
        "scales = [np.sqrt(np.sum(a**2, axis=0) * np.sum(b**2, axis=0)) for a, b in pieces]\n    "
        "each = [np.sum(a * b, axis=0) / scale for (a, b), scale in zip(pieces, scales)]\n    "
        "return np.mean(np.stack(each), axis=1)",
    ),
)
conventions(
    "autocorrelation",
    (
        "over T - t: unbiased but for the mean",
        "c / c[0]",
        "c / c[0] * len(x) / (len(x) - np.arange(n_lags + 1))[:, None]",
        "statsmodels (adjusted)",
    ),
    (
        "the mean of each chain's own c_t/c_0",
        "return c / c[0]",
        "each = [autocovariance(x[:, j : j + 1], n_lags) for j in range(x.shape[1])]\n    "
        "return sum(c / c[0] for c in each) / x.shape[1]",
        EBMKIT,
    ),
)

POSITIVE = "positive = np.logical_and.accumulate(pairs > 0, axis=0)\n    "
PAIRS = "pairs = rho[0 : length - length % 2 : 2] + rho[1:length:2]\n    "
MONOTONE = "np.sum(np.minimum.accumulate(pairs, axis=0) * positive, axis=0)"
wrong_versions(
    "effective_sample_size",
    ("1 for -1", "-1 + 2 * np.sum(...)", "1 + 2 * np.sum(...)"),
    ("each lag counted once", "tau = -1 + 2 *", "tau ="),
    ("not monotone", "np.minimum.accumulate(pairs, axis=0)", "pairs"),
    ("pairs below zero too", " * positive", ""),
    ("positive pairs after one that is not", "np.logical_and.accumulate(pairs > 0, axis=0)", "pairs > 0"),
    (
        "mean of the chains' autocorrelations for their autocovariances",
        "(within - c)",
        "(within - c / c[0])",
        "finite",
        "MCMCChains 229",
    ),
    (
        "cut at the first correlation that is not positive",
        f"{PAIRS}{POSITIVE}tau = -1 + 2 * {MONOTONE}",
        "positive = np.logical_and.accumulate(rho > 0, axis=0)\n    tau = -1 + 2 * np.sum(rho * positive, axis=0)",
    ),
    (
        "pairs of the lags 1 and 2, 3 and 4",
        f"{PAIRS}{POSITIVE}tau = -1 + 2 *",
        f"pairs = rho[1 : length - 1 + length % 2 : 2] + rho[2:length:2]\n    {POSITIVE}tau = 1 + 2 *",
    ),
    ("chains that disagree count in full", "variance_of_means(x)", "0.0", "one row"),
    ("the first correlation is not one", "    rho[0] = 1.0\n", ""),
    ("even lags only", " + rho[1:length:2]", ""),
    (
        "not bounded: negative where chains alternate",
        "np.maximum(tau, 1 / np.log10(n * length))",
        "tau",
        "finite",
        "pymc 1770, MCMCChains 376",
    ),
    (
        "bounded by a tiny number alone: astronomic where chains alternate",
        "np.maximum(tau, 1 / np.log10(n * length))",
        "np.maximum(tau, 1e-12)",
        "finite",
        EBMKIT,
    ),
)

LAG_AFTER = (  # adds the correlation at the even lag after the last counted pair, if it is positive
    "positive = np.logical_and.accumulate((pairs > 0) & (np.arange(len(pairs)) < LAST)[:, None], axis=0)\n    "
    "after = np.maximum(rho[2 * np.sum(positive, axis=0), np.arange(rho.shape[1])], 0)\n    "
    "tau = after - 1 + 2 *"
)
STAN, TO_THE_END = (LAG_AFTER.replace("LAST", last) for last in ("(length - 3) // 2", "(length - 1) // 2"))
BLACKJAX = (  # the same lag, but limited by the monotone sequence as if it were a pair with one half missing
    f"{POSITIVE}least, j = np.minimum.accumulate(pairs, axis=0), np.arange(rho.shape[1])\n    "
    "count = np.sum(positive, axis=0)\n    last = least[count - 1, j]\n    "
    "after = np.maximum(rho[np.minimum(2 * count, 2 * len(pairs) - 2), j], 0)\n    "
    "after = np.where(after > last, 1.5 * last, after)\n    "
    "end = np.where(pairs[-1] > least[-1], least[-1] / 2, rho[2 * len(pairs) - 2])\n    "
    "after = np.where(count == 0, 0, np.where(count == len(pairs), -end, after))\n    "
    "tau = after - 1 + 2 *"
)
UNTIL = (
    "c = autocovariance(x, length - 1)\n    within = c[0] * length / (length - 1)\n    "
    "rho = 1 - (within - c) / (c[0] + variance_of_means(x))\n    rho[0] = 1.0\n    "
    "pairs = rho[0 : length - length % 2 : 2] + rho[1:length:2]\n    "
)
HALVES = "x = np.concatenate([x[: length // 2], x[-(length // 2) :]], axis=1)\n    length, n = x.shape[:2]\n    "
conventions(
    "effective_sample_size",
    ("of each chain", "n * length /", "length /"),
    (
        "of one chain W is V: its correlations are c_t/c_0",
        "within = c[0] * length / (length - 1)",
        "within = c[0] * (length / (length - 1) if n > 1 else 1)",
        "numpyro",
    ),
    (
        "of one chain V is W",
        "c[0] + variance_of_means(x)",
        "(c[0] + variance_of_means(x) if n > 1 else within)",
        "bayes-kit",
    ),
    (
        "covariances over T - t, wild at large lags",
        "c = autocovariance(x, length - 1)",
        "c = autocovariance(x, length - 1) * length / (length - np.arange(length))[:, None]",
        "pyro; numpyro before 1877 (numpyro 1785)",
    ),
    (
        "covariances over T - 1, as W has them",
        "(within - c)",
        "(within - c * length / (length - 1))",
        EBMKIT,
    ),
    ("with the even lag after the last pair", f"{POSITIVE}tau = -1 + 2 *", STAN, "posterior::ess_basic(split = FALSE)"),
    (
        "of the halves of the chains, with the even lag after the last pair",
        f"{UNTIL}{POSITIVE}tau = -1 + 2 *",
        f"{HALVES}{UNTIL}{STAN}",
        "Vehtari et al. 2021, section 3.2: Stan, ArviZ",
    ),
    (
        "with the even lag after the last pair, which may be at the end of the chain",
        f"{POSITIVE}tau = -1 + 2 *",
        TO_THE_END,
        "Vehtari et al. 2021, section 3.2, without halves; Stan and ArviZ stop a pair before",
    ),
    (
        "with the even lag after the last pair; where all pairs count the last even lag counts once",
        f"{POSITIVE}tau = -1 + 2 *",
        BLACKJAX,
        "BlackJAX, whose index of that lag ends with the chain",
    ),
    (
        "of the halves of the chains, with the even lag after the last pair, which may be at the end of the halves",
        f"{UNTIL}{POSITIVE}tau = -1 + 2 *",
        f"{HALVES}{UNTIL}{TO_THE_END}",
        "Vehtari et al. 2021, section 3.2, as it is written",
    ),
    *(
        (
            f"of the halves of the chains{words}",
            f"{UNTIL}{POSITIVE}tau = -1 + 2 *",
            f"{halves}{UNTIL}{POSITIVE}tau = -1 + 2 *",
            "Gelman et al. 2013, section 11.5",
        )
        for words, halves in (
            (", of which an odd T drops the middle draw", HALVES),
            (
                ", of which an odd T drops the last draw",
                HALVES.replace("-(length // 2) :", "length // 2 : length // 2 * 2"),
            ),
        )
    ),
    (
        "the plain sum of the correlations within chains, up to the first that is negative",
        f"rho = 1 - (within - c) / (c[0] + variance_of_means(x))\n    rho[0] = 1.0\n    {PAIRS}{POSITIVE}"
        f"tau = -1 + 2 * {MONOTONE}",
        "rho = c / c[0]\n    positive = np.logical_and.accumulate(rho >= 0, axis=0)\n    "
        "tau = -1 + 2 * np.sum(rho * positive, axis=0)",
        "Kass et al. 1998: 1 + 2 sum rho, without pairs, chains that disagree in full",
    ),
)

WITHIN = "np.mean(np.var(halves - halves[0], axis=0, ddof=1), axis=0)"
RATIO = "np.sqrt((half - 1) / half + variance_of_means(halves) / within)"
HALVED = "halves = np.concatenate([x[:half], x[half : 2 * half]], axis=1)"
FROM_THE_END, RANKED = "np.concatenate([x[:half], x[-half:]], axis=1)", "Vehtari et al. 2021, section 4"
wrong_versions(
    "split_r_hat",
    ("every other state for halves", "[x[:half], x[half : 2 * half]]", "[x[0 : 2 * half : 2], x[1 : 2 * half : 2]]"),
    ("first halves alone", "[x[:half], x[half : 2 * half]]", "[x[:half], x[:half]]"),
    ("variances over L", "np.var(..., ddof=1)", "np.var(..., ddof=0)"),
    ("one variance for all states", WITHIN, "np.var(halves, axis=(0, 1), ddof=1)"),
    ("length of the chain for that of its half", "(half - 1) / half", "(2 * half - 1) / (2 * half)"),
    ("upside down", RATIO, "1 / np.sqrt((half - 1) / half + variance_of_means(halves) / within)"),
    ("deviations for variances", "variance_of_means(halves) / within", "np.sqrt(variance_of_means(halves) / within)"),
)
wrong_versions(
    "split_r_hat",
    ("variance of the means over their number", "np.var(..., ddof=1)", "np.var(..., ddof=0)"),
    inside="variance_of_means",
)
conventions(
    "split_r_hat",
    ("squared: the ratio of the variances", RATIO, "(half - 1) / half + variance_of_means(halves) / within"),
    (
        "chains not split",
        "half = len(x) // 2\n    halves = np.concatenate([x[:half], x[half : 2 * half]], axis=1)",
        "half, halves = len(x), x",
        "Gelman and Rubin 1992; numpyro.diagnostics.gelman_rubin, blackjax.diagnostics.potential_scale_reduction",
    ),
    ("without the factor (L - 1)/L", "(half - 1) / half", "1", "Gelman et al. 2013, in the limit"),
    ("an odd T drops the middle draw", "x[half : 2 * half]", "x[-half:]", "Stan, ArviZ, numpyro, pyro"),
    (
        "of the normal scores of ranks (bulk)",
        HALVED,
        f"halves = ranks_made_normal({FROM_THE_END})",
        f"{RANKED}; ArviZ, method z_scale",
    ),
    (
        "of the normal scores of the ranks of the distances from the median (tail)",
        HALVED,
        f"halves = {FROM_THE_END}\n    halves = ranks_made_normal(np.abs(halves - np.median(halves, axis=(0, 1))))",
        f"{RANKED}; ArviZ, method folded",
    ),
    (
        "rank-normalised: the larger of that of the ranks (bulk) and that of the distances from the median (tail)",
        f"{HALVED}\n    within = {WITHIN}\n    return {RATIO}",
        f"both = {FROM_THE_END}\n    both = (both, np.abs(both - np.median(both, axis=(0, 1))))\n    "
        "both = [ranks_made_normal(one) for one in both]\n    within = [np.mean(np.var(one, axis=0, ddof=1), axis=0) "
        "for one in both]\n    return np.max([np.sqrt((half - 1) / half + variance_of_means(one) / w) "
        "for one, w in zip(both, within)], axis=0)",
        f"{RANKED}; ArviZ, method rank, and Stan's rhat",
    ),
    (
        "an odd T drops no draw: halves of two lengths",
        f"half = len(x) // 2\n    halves = np.concatenate([x[:half], x[half : 2 * half]], axis=1)\n    "
        f"within = {WITHIN}\n    return {RATIO}",
        "half, parts = len(x) / 2, [x[: len(x) // 2], x[len(x) // 2 :]]\n    "
        "within = np.mean(np.concatenate([np.var(part, axis=0, ddof=1) for part in parts]), axis=0)\n    "
        "means = np.concatenate([np.mean(part, axis=0) for part in parts])\n    "
        "return np.sqrt((half - 1) / half + np.var(means, axis=0, ddof=1) / within)",
        "bayes-kit",
    ),
)

DIAGNOSTICS = "autocovariance autocorrelation effective_sample_size split_r_hat"
asked("autocovariance autocorrelation", values={"n_lags": ((1, 11), "a lag too many, or too few")})
asked(DIAGNOSTICS, values={"length": ((8, 13, 9, 24), "halves, or pairs, of chains of any length")})
ODD = {"n": 1, "length": 13}  # one chain of odd length
asked("run", also=("trajectory",))
asked("annealed_langevin_tape", draws={"n_levels": lambda ask, name: ask.fixed.get("levels", 3)})
SLOW = ("a single chain that moves slowly: pairs after the first", {"d": 5, "n": 1, "length": 26, "width": 6})
asked("effective_sample_size", each=({}, {"alternate": True}, ODD), beside=(SLOW,))  # alternating: to its bound
asked("split_r_hat", each=({}, ODD))
one_term("autocorrelation autocovariance effective_sample_size split_r_hat")
