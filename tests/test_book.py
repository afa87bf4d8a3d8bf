"""The book: every definition has its equation, once, typeset; what is found by which words; pages are up to date."""

import doctest
import inspect
import re
from pathlib import Path

import autograd.numpy as np
import pytest

import refebm.book
from refebm import glossary
from refebm.book import entries, evidence, search, terminal
from refebm.book.pages import pages
from refebm.book.plain import broken, clauses, plain
from refebm.book.typeset import typeset
from refebm.cli import main
from refebm.crosscheck.questions import EXAMINED, chosen
from refebm.glossary import InputError
from refebm.identities import THEOREMS
from refebm.papers import TEXTS, citations
from tests.test_codes import called

SOURCED = [name for name in refebm.__all__ if "Source: " in (getattr(refebm, name).__doc__ or "")]
ABOUT = [name for theorem in THEOREMS.values() for name in theorem.about]
DEFINITIONS = [
    name
    for name in dict.fromkeys([*EXAMINED, *ABOUT, *SOURCED])
    if not isinstance(getattr(refebm, name.partition(".")[0]), refebm.Generator)  # a value, which has no docstring
]


def docstring(name):
    public, _, method = name.partition(".")
    thing = getattr(refebm, public)
    return inspect.getdoc(getattr(thing, method) if method else thing)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_definition_has_one_equation_in_latex_after_its_first_paragraph(name):
    first, latex, *_ = docstring(name).split("\n\n")
    assert re.fullmatch(r"\$\$[^$]+\$\$", latex), name
    assert "$$" not in first and docstring(name).count("$$") == 2, name


CODE = re.compile(r"E-[A-Z]+")


RETURNED = {
    "hmc_step": "Step(x, info), x: the new states (n, d); info: a record of",
    "coupled_metropolis_step": "a pair, each Step(x, info), x: the new states",
    "log_partition": "a float, or LogPartition(value, error), log Z, and an estimate of its error",
    "field_and_divergence": "(n, d), one vector per row, and (n,), one value per row",
    "minimise": "Fit(parameters, history, finite, message), the result of training",
    "BinaryRBM.hidden_mean": "(n, m), one for each hidden unit per row",
    "block_means": "(n, 4^k), one image per row",
    "Gaussian": "",
}


@pytest.mark.parametrize("name", RETURNED)
def test_what_is_returned_is_said_in_words(name):
    assert entries.returned(name).startswith(RETURNED[name]) and bool(entries.returned(name)) == bool(RETURNED[name])


def test_what_a_source_remarks_about_a_class_is_not_said_of_its_methods():
    assert entries.source("ReplayBuffer").endswith("section 3.1 (capacity 10,000, fraction 0.05)")
    assert entries.source("ReplayBuffer.push") == "Du and Mordatch 2019, section 3.1"
    assert [name for name in DEFINITIONS if "prints 1/sqrt" in entries.source(name)] == ["Gaussian.log_prob"]


def test_a_denoiser_is_not_called_a_score():
    named = {one.words for name in DEFINITIONS for one in entries.arguments(name) if one.name == "denoiser"}
    assert len(named) == 3 and not any("score" in words for words in named)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_docstring_names_the_errors_of_its_types(name):
    """A method's may stand with its class or in its module. Where E-DTYPE is named, E-MASKED is meant too."""
    one, (public, method) = entries.thing(name), name.partition(".")[::2]
    said = [docstring(name), *([docstring(public), inspect.getmodule(inspect.unwrap(one)).__doc__] if method else [])]
    checks = glossary.checks_of(inspect.unwrap(one.__init__ if inspect.isclass(one) else one))
    assert {"E-MASKED"}.union(*map(called, checks.values())) <= {"E-MASKED", *CODE.findall("".join(said))}, name
    assert CODE.search("".join(said)), name


def test_the_latex_of_definitions_is_mathml():
    """As is that of theorems: see the tests of the site."""
    convert = pytest.importorskip("latex2mathml.converter").convert
    for name in DEFINITIONS:
        mathml = convert(entries.doc(name).latex)
        assert "\\" not in mathml and "merror" not in mathml, (name, mathml)


def test_the_examples_of_docstrings_run():
    examples = {name: entries.doc(name).example for name in DEFINITIONS if entries.doc(name).example}
    assert len(examples) >= 9
    for name, text in examples.items():
        test = doctest.DocTestParser().get_doctest(text, {"np": np, "refebm": refebm}, name, None, 0)
        assert doctest.DocTestRunner().run(test).failed == 0, name


# ---- what is read off the code ---------------------------------------------------------------------------------------


def test_each_source_cites_a_text_that_is_entered():
    """A new one is a line in refebm/papers.py, by the words by which sources cite it."""
    for source in [*(theorem.source for theorem in THEOREMS.values()), *map(entries.source, DEFINITIONS)]:
        assert citations(source) or not source, source
        assert not [one.text for one in citations(source) if one.text not in TEXTS], source


def test_each_text_is_spelt_once():
    """No two texts of one year whose authors begin alike, but for those that are different."""
    heads = [(text.split()[0].strip(","), text.split()[-1]) for text in TEXTS]
    twice = {head for head in heads if heads.count(head) > 1}
    assert twice == {("Song", "2019"), ("Song", "2021"), ("Gao", "2020")} & twice | {("Neal", "2011")} & twice, twice


def test_a_text_that_is_not_entered_ends_with_its_year():
    assert citations("Nobody 1999b, eq. 1; see (a; b), eq. 2") == (
        ("Nobody 1999b", ", eq. 1"),
        ("see", "(a; b), eq. 2"),
    )


def test_words_have_no_accents_and_numbers_keep_their_points():
    assert search.words("Hyvärinen's eqs. 2.28, Nørsett; GaussianMixture.log_prob") == [
        *("hyvarinen", "equation", "2.28", "norsett", "gaussian", "mixture", "log", "prob")
    ]


def test_sources_span_equations():
    assert search.places("Song and Kingma 2021, eqs. 19 and 20")[0] >= {"song", "kingma", "equation", "19", "20"}
    assert search.places("Neal 2011, eqs. 2.28 to 2.30")[0] >= {"2.28", "2.29", "2.30"}


LOOKUPS = {  # what somebody with a paper in hand types, and what must be shown whole
    "Song and Kingma eq. 10": "denoising_score_matching",
    "song kingma 15": "sliced_score_matching",
    "Song & Kingma 2021, eq. 19": "noise_contrastive",
    "Hyvarinen 2005 eq. 4": "implicit_score_matching",
    "Vincent section 4.2": "denoising_score_matching",
    "dsm": "denoising_score_matching",
    "NCE": "noise_contrastive",
    "noise contrastive": "noise_contrastive",
    "Hyvärinen": "implicit_score_matching",
    "Hyvarinen": "implicit_score_matching",
    "eq. 19": "noise_contrastive",
    "ULA": "langevin_step",
    "neal 2.29": "leapfrog",
    "edm": "karras_denoising",
    "mcle": "pseudo_likelihood",
    "dsm loss": "denoising_score_matching",
    "v-prediction": "velocity_from_score",
}
WHOLE = {  # and what is shown whole, since nothing else is meant
    "denoising score matching": "denoising_score_matching",
    "DenoisingScoreMatching": "denoising_score_matching",
    "refebm.denoising_score_matching()": "denoising_score_matching",
    "gaussian_mixture": "GaussianMixture",
    "Vincent section 4.2": "denoising_score_matching",
    "fce": "train_flow_contrastive",
    "Hyvarinen eq. 4": "implicit_score_matching",
}


@pytest.mark.parametrize("text", LOOKUPS)
def test_lookups(text):
    assert LOOKUPS[text] in search.found(text)


@pytest.mark.parametrize("text", WHOLE)
def test_what_is_meant_is_shown_whole(text):
    shown = terminal.shown(text)
    assert shown.startswith(f"{WHOLE[text]}\n")
    assert ("finds too: denoising_goes_down_its_mean" in shown) == ("Vincent" in text)


@pytest.mark.parametrize(
    "text, first", {"hyvarinen 2005": "explicit_score_matching", "neal 2011 leapfrog": "leapfrog"}.items()
)
def test_of_several_what_is_named_and_what_papers_propose_come_first(text, first):
    """Before the tools that the definitions are made of, and before others of the same paper."""
    assert terminal.shown(text).split()[1] == first


def test_a_list_is_wrapped_and_loses_nothing():
    narrow, whole = (terminal.listed(search.found("neal 2011 leapfrog"), width) for width in (80, 10**4))
    assert max(map(len, narrow.splitlines())) <= 80 and narrow.split() == whole.split()
    assert "\n  leapfrog\n        Neal 2011, eqs. 2.28 to 2.30\n" in narrow
    beside = terminal.listed(["implicit_score_matching"], 60).splitlines()[1:]
    assert len(beside) == 2 and beside[0].index("Hyvarinen") == len(beside[1]) - len(beside[1].lstrip())


def test_a_part_of_a_word_is_no_word():
    assert "divergence" not in search.found("nce") and "contrastive_divergence" not in search.found("nce")


@pytest.mark.parametrize(
    "text, meant",
    {
        "denoising_score_matchin": "denoising_score_matching",
        "implicit_is_explict": "implicit_is_explicit",
        "vincnt": "vincent",
        "refebm.denoising_score_matchin()": "denoising_score_matching",
    }.items(),
)
def test_near_misses_are_suggested(text, meant):
    with pytest.raises(refebm.InputError, match=f"E-NONE.*did you mean .*{meant}"):
        search.found(text)


@pytest.mark.parametrize(
    "text, said",
    {"song kingma eq. 99": "refebm list song kingma has what", "xyzzy": "refebm list has all names"}.items(),
)
def test_what_is_not_there_is_told_where_to_look(text, said):
    with pytest.raises(refebm.InputError, match=f"E-NONE.*{said}"):
        search.found(text)


def test_show_prints_a_definition_with_all_that_is_known(capsys):
    assert main(["show", "song", "kingma", "15"]) == 0
    out = capsys.readouterr().out
    for words in (
        "½ (vₖ · s(x))²",
        "return dot(v, slope)",
        "eq. 15",
        "sign of the trace",
        "sliced_is_explicit_sliced",
    ):
        assert words in out, words
    assert "\x1b" not in out


@pytest.mark.parametrize("text, name", {"dsm": "denoising_score_matching", "ULA": "langevin_step"}.items())
def test_what_is_called_so_is_shown_whole(text, name):
    assert terminal.shown(text).startswith(f"{name}\n")


def test_show_prints_a_theorem_with_its_proof(capsys):
    assert main(["show", "implicit_is_explicit"]) == 0
    out = capsys.readouterr().out
    place = entries.place_of_theorem(THEOREMS["implicit_is_explicit"])
    assert (
        f"refebm/{place.path}:{place.first}" in out
        and "a model with a kink" in out
        and "def implicit_is_explicit" in out
    )


def test_a_proof_is_the_function_and_what_it_only_calls():
    text = entries.proof(THEOREMS["implicit_is_explicit"])
    assert text.startswith(
        "def implicit_is_explicit(impl, p, model):\n    return implicit_against_explicit(impl, p, model)"
    )
    assert "\ndef implicit_against_explicit(" in text and "Implicit score matching is" not in text
    assert entries.proof(THEOREMS["gamma_second_moment"]).startswith("def second_moment(p, name, arguments):")
    again = entries.proof(THEOREMS["ddpm_step_of_tiny_variances"])
    assert "def ddpm_step_by_hand" in again and "\\frac" not in again


def test_every_proof_stands_folded_on_its_page():
    for theorem in THEOREMS.values():
        text = pages()[theorem.stem].partition(f'<a id="{theorem.name}"></a>')[2].partition("<a id=")[0]
        assert f"<details><summary>The proof's code</summary>\n\n```python\n{entries.proof(theorem)}\n```" in text


def test_every_name_can_be_shown():
    for name in search.every():
        assert terminal.shown(name).startswith(name), name
    assert "\nrefebm/models/__init__.py:" in terminal.shown("Model")  # which has no equation


def test_list_has_a_line_for_each_definition(capsys):
    assert main(["list"]) == 0
    lines = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert sorted(lines) == sorted(entries.definitions()) and set(EXAMINED) <= set(lines)


def test_what_is_not_examined_says_why(capsys):
    """By the record, which is what the examiner says; all else can be asked for by its name."""
    assert evidence.unexamined() == evidence.unexamined_now()
    assert main(["list"]) == 0
    for line in [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]:
        name, why = line.split()[0], line.partition(" [not examined: ")[2].removesuffix("]")
        assert why == evidence.unexamined().get(name, "")
        said = f"Not examined: {why}" if why else f"Examined by: refebm crosscheck --only {name}"
        assert f"\n{said}"[:80] in terminal.shown(name)
        assert why or chosen(name)
    for name, why in (("ReplayBuffer.push", "state"), ("Gamma.sample", "draws noise"), ("run", "takes a kernel")):
        with pytest.raises(InputError, match=f"E-NONE: {name} is not examined: {why}"):
            chosen(name)


def test_the_table_leads_to_the_proof(capsys):
    assert main(["list", "--markdown", "hyvarinen"]) == 0
    out = capsys.readouterr().out
    assert (
        "| Hyvarinen 2005, eq. 4; Song and Kingma 2021, eq. 8 | `implicit_score_matching` | `implicit_is_explicit` |"
        in out
    )
    assert "refebm/identities/score_matching.py:" in out and "tweedie_mean" not in out


@pytest.mark.parametrize(
    "latex, text",
    {
        r"\tfrac12 |s(x + \sigma z) + z/\sigma|^2": "½ |s(x + σ z) + z/σ|²",
        r"\frac{a + b}{\sqrt{2\eta}}": "(a + b)/√(2η)",
        r"-\mathbb E_p[x_{i+1}^\top] \le e^{-E(x)}": "−𝔼ₚ[xᵢ₊₁ᵀ] ≤ e^(−E(x))",
        r"x \leftarrow \nabla \log \hat p": "x ← ∇log p̂",
        r"\tfrac1{2 \sigma^2} |x|^2 + \frac{1}{n(n - 1)}": "1/(2 σ²) |x|² + 1/(n(n − 1))",
        r"e^{a_k} - \frac{|x - y|^2}{\sqrt2}": "e^(aₖ) − |x − y|²/√2",
        r"\frac{v_{i-1}}{v_i} \text{ sub-VP } \varphi": "vᵢ₋₁/vᵢ sub‐VP φ",
    }.items(),
)
def test_latex_in_characters(latex, text):
    assert plain(latex) == text


@pytest.mark.parametrize(
    "latex, parts",
    {
        r"a = \{b,\ c\},\ b \ge 0": [r"a = \{b,\ c\},", r"b \ge 0"],
        r"f(a,\ b);\quad \begin{pmatrix} a,\ b \\\\ c \end{pmatrix}": [
            r"f(a,\ b);",
            r"\begin{pmatrix} a,\ b \\\\ c \end{pmatrix}",
        ],
        "E(x),\n\\ x > 0": ["E(x),", "x > 0"],
        r"x,y \in (0, 1)": [r"x,y \in (0, 1)"],
    }.items(),
)
def test_a_formula_is_broken_after_commas_alone(latex, parts):
    assert [part.strip() for part in clauses(latex)] == parts


def test_a_formula_is_not_wider_than_the_terminal_where_it_can_be():
    lines = [line for line in terminal.shown("mala_step", 80).splitlines() if line.startswith("    ")][:3]
    assert lines[0] == "    x' = x + η s(x) + √(2η) z," and max(map(len, lines)) <= 80


def test_no_command_is_left_in_characters():
    for latex in [
        *(entries.doc(name).latex for name in DEFINITIONS),
        *(theorem.latex for theorem in THEOREMS.values()),
    ]:
        assert not re.search(r"[\\{}]", plain(latex).replace("{0, 1}", "").replace("∈ {", "")) or r"\{" in latex, latex


@pytest.mark.parametrize(
    "latex, parts",
    {
        r"y = x + \sigma z": ["y = ", "x + ", r"\sigma z"],
        r"f(a + b, c) = |x - y|^2": ["f(a + b, c) = ", "|x - y|^2"],
        r"E[X|y] = \tfrac{a + b}{c} \le \left(a - b\right)": [
            "E[X|y] = ",
            r"\tfrac{a + b}{c} \le ",
            r"\left(a - b\right)",
        ],
        "(aaaaaaaaaaaaaaaa + bbbbbbbbbbbbbbb + ccccccc)": ["(aaaaaaaaaaaaaaaa + ", "bbbbbbbbbbbbbbb + ", "ccccccc)"],
    }.items(),
)
def test_a_formula_may_be_broken_after_operators(latex, parts):
    assert broken(latex) == parts and "".join(parts) == latex


# ---- mathematics in prose --------------------------------------------------------------------------------------------

FORMULAS = {  # prose, and its formulas
    "the score of p^sigma, not that of the data": [r"p^{\sigma}"],
    "z is *unit* normal and y = x + sigma z, so grad_y log N(y; x, sigma^2 I) = -z/sigma.": [
        "z",
        r"y = x + \sigma z",
        r"\nabla_{y} \log \mathcal N(y; x, \sigma^{2} I) = -z/\sigma",
    ],
    "1/2 |s(x)|^2 + tr(grad s), (n,)": [r"\tfrac12 \lvert s(x) \rvert^{2} + \operatorname{tr}(\nabla s)", "(n,)"],
    "E[X | Y = y], E|x|^k and E_p sum_i x_i": [
        r"\mathbb E[X \mid Y = y]",
        r"\mathbb E\lvert x \rvert^{k}",
        r"\mathbb E_{p} \textstyle\sum_{i} x_{i}",
    ],
    "the energy E(x) - E(x'), and |grad E|^2": ["E(x) - E(x')", r"\lvert \nabla E \rvert^{2}"],
    "log_noise = log p_n; log_noise is handed over": [r"\texttt{log_noise} = \log p_{n}"],
    "p = c (1 + t^2/nu)^{-(nu + 1)/2}/scale, t = (x - loc)/scale": [
        r"p = c (1 + t^{2}/\nu)^{-(\nu + 1)/2}/\text{scale}",
        r"t = (x - \text{loc})/\text{scale}",
    ],
    "x (n, d) -> (n,); a d x d matrix": ["x", r"(n, d) \to (n,)", r"d \times d"],
    "v in {0, 1}^d, i = 1, ..., N": [r"v \in \lbrace 0, 1 \rbrace^{d}", r"i = 1, \ldots, N"],
    "s = -a (x - m), a log b + c and a z": ["s = -a (x - m)", r"\log b + c", "z"],
    "x~_s, sqrt(2 eta) z, 1e-6, e^{-2B}, D*, p(.|x), s.Lap s": [
        r"\tilde x_{s}",
        r"\sqrt{2 \eta} z",
        "10^{-6}",
        "e^{-2 B}",
        "D^*",
        r"p(\cdot \mid x)",
        r"s \cdot \Delta s",
    ],
}
PROSE = [
    *("E-SHAPE and E-POSITIVE, a float", "appendix E, section 4.2", "v-prediction and CD-k, 2-D, e.g. i.e. and/or"),
    *("rbms 31/32, torch 1.13, coreax 375, cheind/score-based", "Gamma data of shape 2", "energy(x), log_prob(x, y)"),
    *("Lyu's log odds, the sign of a trace", "sum |terms| of the log weights", "in 2021 (score_sde)", "O'Leary", "a"),
    *("the delta method", "x.mean() is for arrays", "value -> Step"),
]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_in_prose_are_found(text):
    parts = typeset(text)
    assert parts[1::2] == FORMULAS[text] and len(parts) % 2


@pytest.mark.parametrize("text", PROSE)
def test_prose_stays_prose(text):
    assert typeset(text) == [text]


OTHERWISE = (
    r"```.*?```|\$\$.*?\$\$|\$?`[^`]*`\$?|\]\([^)]*\)|!\[[^]]*\]|<[^>]*>|\w+\([^)]*\)"  # than prose: code, links, ...
)


def test_no_formula_of_the_prose_stays_in_plain_characters():
    for name, text in pages().items():
        text = re.sub(OTHERWISE, "", text, flags=re.DOTALL)
        found = re.search(r".*(?:\b[A-Za-z]\^|\b(?:sigma|eta|grad|nu|beta|theta)\b).*", text)
        assert not found, (name, found[0][:300])


def test_every_formula_of_the_prose_is_mathml():
    convert = pytest.importorskip("latex2mathml.converter").convert
    for latex in {one for text in pages().values() for one in re.findall(r"\$`([^`]+)`\$", text)}:
        assert "merror" not in convert(latex) and "".join(broken(latex)) == latex, latex
        assert not re.search(r"[\\|]", plain(latex).replace("|", "")), latex


def test_an_equation_is_not_said_twice():
    text = pages()["denoising"].partition("## `denoising_score_matching`\n\n")[2]
    assert text.startswith("Its minimiser is the score of $`p^{\\sigma}`$")
    text = pages()["mean_field"].partition("## `mean_field_free_energy`\n\n")[2]
    assert text.startswith("$`-b \\cdot v") and "H(p) = " in text.partition("$$")[0]  # which says more


# ---- pages -----------------------------------------------------------------------------------------------------------


def test_pages_are_what_the_code_says():
    folder = Path(refebm.book.__file__).parent
    for name, text in pages().items():
        assert (folder / f"{name}.md").read_text() == text, f"{name}: python -m refebm.book writes it"


def test_every_theorem_has_a_record():
    assert not list(evidence.missing()), "python -m refebm.book runs them"


def test_links_of_pages_hold():
    folder = Path(refebm.book.__file__).parent
    texts = {path.name: path.read_text() for path in folder.glob("*.md")}
    for name, text in texts.items():
        for target in re.findall(
            r"(?<!\\)\]\(([^)]+)\)", re.sub(r"```.*?```|\$\$.*?\$\$|`[^`]*`", "", text, flags=re.DOTALL)
        ):
            page, _, place = target.partition("#")
            assert not page or (folder / page).exists(), (name, target)
            if place and page.endswith((".md", "")) and not page.endswith(".py"):
                assert f'<a id="{place}"></a>' in texts[page or name], (name, target)


def test_the_tutorial_runs():
    namespace: dict = {}
    blocks = re.findall(
        r"```python\n(.*?)```", (Path(refebm.book.__file__).parent / "tutorial.md").read_text(), re.DOTALL
    )
    assert sum(block.count("\n") for block in blocks) <= 45
    for block in blocks:
        exec(block, namespace)


# ---- the record ------------------------------------------------------------------------------------------------------


@pytest.fixture
def record(tmp_path, monkeypatch):
    monkeypatch.setattr("refebm.book.evidence.RECORD", tmp_path / "evidence.json")
    evidence.evidence.cache_clear()
    yield tmp_path
    evidence.evidence.cache_clear()


def test_the_record_is_that_of_a_run(record, capsys):
    results = record / "results.json"
    assert main(["verify", "--only", "implicit_is_explicit", "--cases", "2", "--json", str(results)]) == 0
    assert evidence.take(results) == 1
    (name, row), *others = evidence.evidence().items()
    assert name == "implicit_is_explicit" and row["cases"] == 3 and 0 < row["worst"] < 1 and not others
    assert row["outside"] == {"a model with a kink": "does not hold", "data of shape 1": "does not hold"}
    assert "tweedies_mean_is_bayes" in evidence.missing()


@pytest.mark.parametrize(
    "text", ["", "[]", '{"theorems": [{"name": "x"}]}', '{"theorems": [{"name": "x", "holds": false}]}']
)
def test_what_is_no_run_is_no_record(record, text):
    (record / "results.json").write_text(text)
    with pytest.raises(refebm.InputError, match="E-FILE"):
        evidence.take(record / "results.json")
    assert not (record / "evidence.json").exists()
