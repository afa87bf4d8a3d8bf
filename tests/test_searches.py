"""In which order a diagnosis is searched, and what is said of what is found; the searches are made up."""

from types import SimpleNamespace

import numpy as np
import pytest

from refebm.crosscheck import diagnosis
from refebm.crosscheck.evidence import Built, Diagnosis, Evidence
from refebm.crosscheck.vectors import tolerance
from tests.test_facts import STEP, U, off, question

U32 = 2.0**-24
SOME = [question(i) for i in range(6)]


def wrong(by=1e6, some=SOME):
    """Off by so many tolerances."""
    return off(some, by if callable(by) else lambda vector: by)


def counted(evidence):
    return f"{np.sum(evidence.wrong)} of {len(evidence.wrong)} numbers are wrong"


@pytest.fixture
def made(monkeypatch):
    """Functions of the module that return what is told, or None, and keep what they were given."""

    class Made(dict):
        def __init__(self):
            self.seen = []

        def instead(self, module, *names):
            for name in names:
                self[name] = None
                monkeypatch.setattr(module, name, self.of(name))

        def of(self, name):
            def search(*given, **more):
                self.seen.append((name, given))
                told = self[name]
                return told(*given, **more) if callable(told) else told

            return search

        @property
        def names(self):
            names, self.seen = [name for name, _ in self.seen], []
            return names

    return Made()


def test_what_is_tried_one_after_the_other(made):
    """A name for all answers, a naive form, a deeper search, facts; these alone where nothing is finite."""
    made.instead(diagnosis, "_exactly", "naive", "_further", "_facts")
    evidence = wrong()
    assert diagnosis.diagnose("f", [evidence]) is None
    assert [name for name, given in made.seen if given[-1] == [evidence]] == ["_exactly", "naive", "_further", "_facts"]
    assert all(given[0] == "f" for name, given in made.seen if name != "_facts")
    for name in ("_further", "naive", "_exactly"):
        made[name] = name
        assert diagnosis.diagnose("f", [evidence]) == name and made.names[-1] == name
    made["_facts"] = "facts"
    lost, partly = wrong(), wrong()
    lost.answers[:] = np.nan
    partly.answers[1:] = np.inf
    for candidates, said in (([lost], "facts"), ([partly], "_exactly"), ([lost, evidence], "_exactly"), ([], "facts")):
        assert diagnosis.diagnose("f", candidates) == said
    made.names.clear()
    made["_facts"] = None


def test_a_name_that_fits_all_answers(made):
    made.instead(diagnosis, "named", "_given_back", "helped")
    evidence, other = wrong(), wrong(5.0)
    assert diagnosis._exactly("f", [evidence, other]) is None
    assert made.seen == [
        ("named", ("f", [evidence, other])),
        ("_given_back", (evidence,)),
        ("helped", ("f", [evidence, other])),
    ]
    for name in ("helped", "_given_back", "named"):
        made[name] = Diagnosis(name, ("a",))
        assert diagnosis._exactly("f", [evidence]).words == name and made.names[-1] == name


def test_what_has_no_name_at_once(made):
    """Beside what overflows the rest is looked at by itself; else a deep search, an epsilon, near ones, exceptions."""
    made.instead(diagnosis, "overflown", "apart", "_searched", "nearly", "excepted", "_exactly")
    made.instead(diagnosis.numbers, "epsilon")
    evidence = wrong()
    made["overflown"] = np.zeros(3, bool)
    assert diagnosis._further("f", [evidence]) is None
    assert made.names == ["overflown", "_searched", "epsilon", "nearly", "excepted"]
    for name in ("excepted", "nearly", "epsilon"):
        made[name] = name
        assert diagnosis._further("f", [evidence]) == name and made.names[-1] == name
    made["_searched"] = Diagnosis("deep")
    assert diagnosis._further("f", [evidence]) == Diagnosis("deep")
    made["overflown"] = lambda one: np.array([False, one is evidence, False])
    made["apart"] = lambda function, candidates, deeper: (function, candidates, deeper)
    candidates = [evidence, wrong()]
    *given, deeper = diagnosis._further("f", candidates)
    assert given == ["f", candidates] and diagnosis._further("f", candidates[::-1]) == Diagnosis("deep")
    made["overflown"] = np.zeros(3, bool)
    assert deeper("f", [evidence]) == Diagnosis("deep")
    made["_exactly"] = "exactly"
    assert deeper("f", [evidence]) == "exactly"


def given_back(function, answers, name, reduction="per row", **more):
    """What is said where an argument came back in each question, or something else in the last of them."""
    some = [question(i, function=function, shapes=[(4, 3), (4,)]) for i in range(3)]
    for i, vector in enumerate(some):
        vector.asked.arguments.update(z=np.ones((4, 3)) * i, eta=0.5, rho=0.5 if i else np.ones(3))
    flat = [np.append(np.ravel(vector.asked.arguments[name]), np.arange(16))[:16] for vector in some]
    flat[-1][2] += answers
    found = diagnosis._given_back(Evidence(some, reduction, np.concatenate(flat), U))
    return found and found.words


def test_an_argument_that_comes_back(monkeypatch):
    """With how many numbers are wrong, the last of the facts."""
    assert (
        given_back(STEP, 0, "x")
        == "the state never moves: what comes back is x, as it was given; 48 of 48 numbers are wrong"
    )
    assert given_back(STEP, 0, "z").startswith("what comes back is z, as it was given; ")
    assert given_back("field_and_divergence", 0, "x").startswith("what comes back is x, as it was given; ")
    assert given_back(STEP, 1, "x") is None
    assert given_back(STEP, 0, "x", "mean") is None
    assert given_back(STEP, 0, "eta") is None and given_back(STEP, 0, "rho") is None
    monkeypatch.setattr(diagnosis, "facts", lambda evidence: ["more", "so many"])
    assert given_back(STEP, 0, "z") == "what comes back is z, as it was given; so many"


def test_what_has_no_name_is_explained():
    """By the facts about the answers under its reduction, but not by what errors grow with, or how many there are."""
    some = [question(i, tau=i % 3) for i in range(12)]
    rows = off(some, lambda vector: np.array([1e3, 3e3, 2e3, 5e3]) * (vector.asked.given["tau"] == 1))
    mean = Evidence(some, "mean", np.array([vector.value.mean() + 1 for vector in some]), U)
    explained = lambda *given, c=(rows, mean): diagnosis._explained(*given, list(c))  # noqa: E731
    assert explained(None) is None
    for found in (Diagnosis("it", ("a",)), Diagnosis("it", convention=Built(None))):
        assert explained(found) is found
    assert explained(Diagnosis("it", reduction="per row")).words == "it; wrong where tau is 1 only"
    assert explained(Diagnosis("it")).words == "it; wrong where tau is 1 only"
    assert explained(Diagnosis("it", reduction="mean")).words == "it"
    grows = off([question(i, tau=float(i % 3)) for i in range(12)], lambda vector: 10 * 10 ** vector.asked.given["tau"])
    assert "grows" in diagnosis._facts([grows, rows]).words
    assert explained(Diagnosis("it"), c=(grows,)).words == "it"
    assert diagnosis._facts([rows, grows]) == Diagnosis(f"wrong where tau is 1 only; {counted(rows)}")


ORDER = ["entry", "in_conventions", "table", "mistake_in_conventions", "scaled_mistake", "of_users", "ignored"]


@pytest.fixture
def searches(made):
    made.instead(diagnosis.bank, *ORDER[:5])
    made.instead(diagnosis.numbers, ORDER[5])
    made.instead(diagnosis, ORDER[6], "combined")
    return made


def test_names_are_searched_from_simple_to_complex(searches):
    evidence = wrong()
    assert diagnosis.named("f", [evidence]) is None
    assert searches.seen == [*((name, ("f", evidence)) for name in ORDER), ("combined", ("f", [evidence]))]
    searches.seen.clear()
    deep = lambda one: [searches.of("entry")] if one is evidence else []  # noqa: E731
    assert diagnosis.named("f", [evidence], deep) is None and searches.names == [*ORDER, "combined", "entry"]
    assert diagnosis.named("f", [evidence], deep, alone=True) is None and searches.names == ["entry"]
    for name in ("combined", *ORDER[::-1]):
        searches[name] = name
        assert diagnosis.named("f", [evidence], deep) == name and searches.names[-1] == name
    assert diagnosis.named("f", [evidence, wrong()], deep) == "combined"  # two reductions are no name
    assert searches.names == [name for name in ORDER for _ in range(2)] + ["combined"]
    asked = []
    diagnosis.named("f", [wrong(100.0), evidence, wrong()], lambda one: asked.append(one) or [])
    assert asked == []
    searches["combined"] = None
    assert diagnosis.named("f", [wrong(100.0), evidence, wrong()], lambda one: asked.append(one) or []) is None
    assert asked == [evidence]
    searches["table"] = lambda function, one: "table" if one is evidence else None
    assert diagnosis.named("f", [wrong(), evidence], deep) == "table"


@pytest.mark.parametrize(("roundoff", "least"), [(U, 100.0), (U32, 10.0)])
def test_errors_of_a_few_tolerances_have_no_name(searches, roundoff, least):
    """In float32, where tolerances are large, a tenth as many; of one number at least."""
    value = np.concatenate([vector.value for vector in SOME])
    for by, named in ((least, False), (least * 1.0625, True)):
        place = np.arange(len(value)) == 3
        evidence = Evidence(SOME, "per row", value + by * place * tolerance(1.0, roundoff), roundoff)
        diagnosis.named("f", [evidence, wrong(0.0)], lambda one: [searches.of("table")])
        assert searches.seen[-1][0] == ("table" if named else "combined")
        assert ("combined", ("f", [evidence] if named else [])) in searches.seen and len(searches.seen) == (
            9 if named else 1
        )
        searches.seen.clear()


def no_energy(some=(), holes=(4, 5)):
    some = [question(i, **({"holes": True} if i in holes else {})) for i in range(6)]
    return wrong(1e6, some)


@pytest.fixture
def named(made):
    """What is named by a plain search, by an added number, and by a deep search; and what is nearest."""
    told = {"plain": None, "added": None, "deep": None}

    def search(function, candidates, deep=None, alone=False):
        kind = "plain" if deep is None else "deep" if deep is diagnosis._deep else "added"
        assert alone == (kind != "plain") and (kind != "added" or deep(None) == [diagnosis.numbers.added])
        made.seen.append((kind, candidates))
        return told[kind]

    made.instead(diagnosis, "named", "nearest")
    made["named"], made.told = search, told
    return made


def kinds(made):
    seen = [given for name, given in made.seen if name in ("plain", "added", "deep")]
    names = [name for name, _ in made.seen if name in ("plain", "added", "deep")]
    made.seen.clear()
    return list(zip(names, seen))


def test_a_deep_search(named):
    """A number that is added, then all; where proposals have no energy, without them, if that says more."""
    evidence, mixed = wrong(), no_energy()
    assert diagnosis._searched("f", [evidence]) is None and kinds(named) == [
        ("added", [evidence]),
        ("deep", [evidence]),
    ]
    named.told["deep"] = Diagnosis("deep", convention=Built(None))
    assert diagnosis._searched("f", [evidence]) is named.told["deep"]
    named["nearest"] = lambda function, one: one is mixed
    assert diagnosis._searched("f", [wrong(), mixed]) is named.told["deep"]
    assert diagnosis._searched("f", [mixed]) is diagnosis._searched("f", [no_energy(), mixed]) is named.told["deep"]
    named["nearest"] = None
    kinds(named)
    found = diagnosis._searched("f", [mixed])
    words = "except where the energy of a proposal is infinite, or NaN: there 8 of 8 numbers are wrong"
    assert found == Diagnosis(f"deep; {words}")
    (_, (whole,)), (_, (rest,)), (_, (again,)) = kinds(named)
    assert whole is mixed and rest is again
    assert np.flatnonzero(rest.left_out).tolist() == list(range(16, 24))
    other = Evidence(mixed.vectors, "per row", np.where(np.arange(24) < 20, mixed.answers, mixed.right), U)
    assert diagnosis._searched("f", [mixed, other]) == found
    named.told["plain"] = Diagnosis("plain", ("a",))
    assert diagnosis._searched("f", [mixed]) == Diagnosis(f"plain; {words}", ("a",))
    named.told["deep"] = None
    assert diagnosis._searched("f", [mixed]) is None
    named.told["added"] = Diagnosis("added")
    assert diagnosis._searched("f", [mixed]) is named.told["added"]


ADDED = [diagnosis.numbers.added, diagnosis.numbers.cut]
DEEP = [*ADDED, diagnosis.one_mistake, diagnosis.numbers.in_one_place, diagnosis.two_mistakes]
FOR_SMALL = [*ADDED, diagnosis.numbers.in_one_place]


def test_how_deep_a_search_goes():
    """Not where the most telling answers are none; for errors of the size of float32's, in most numbers, not far."""
    size = U32 / U
    assert diagnosis._deep(wrong()) == FOR_SMALL == diagnosis._deep(wrong(size))
    assert diagnosis._deep(wrong(size * (1 + 2.0**-20))) == DEEP
    single = Evidence(SOME, "per row", wrong().right + 1e6 * tolerance(1.0, U32), U32)
    assert diagnosis._deep(single) == DEEP
    single = Evidence(SOME, "per row", wrong().right + 1.5 * tolerance(1.0, U32), 2.0**-23 - 2.0**-26)
    assert single.holds
    half = lambda vector: 1e6 * (np.arange(4) < 2)  # noqa: E731
    assert diagnosis._deep(wrong(half)) == DEEP and not diagnosis._mostly(wrong(half))
    most = lambda vector: 1e6 * (np.arange(4) < 2 + vector.asked.confirms)  # noqa: E731
    assert diagnosis._mostly(wrong(most)) and diagnosis._deep(wrong(most)) == FOR_SMALL
    few = off(SOME, half, np.tile([False, False, False, True], 6))
    assert diagnosis._mostly(few)
    lost = wrong()
    lost.answers[:] = np.nan
    assert diagnosis._deep(lost) == []
    lost.answers[[0, 4, 8, 12, 16, 20]] = 7.0
    lost = Evidence(SOME, "per row", lost.answers, U)
    assert diagnosis._deep(lost) == DEEP


@pytest.fixture
def helper(made, monkeypatch):
    """A helper that may be replaced; the answers that it would give fit where it is told so."""

    def reading(function, with_it, what=None):
        assert with_it() == (function, {"softplus": "another"})
        return SimpleNamespace(fits=lambda evidence: evidence in made.fit)

    made.fit, made.one = [], SimpleNamespace(name="softplus", instead="another", source="", words="a softplus")
    monkeypatch.setattr(diagnosis, "helpers", lambda function: [made.one])
    monkeypatch.setattr(diagnosis, "elsewhere", lambda function, what, inner=None: (function, what))
    monkeypatch.setattr(diagnosis, "Reading", reading)
    made.instead(diagnosis, "_beside_helper")
    return made


def test_a_replaced_helper(helper):
    """Of a known program, a convention; or beside a named variant, where a program is known to have it."""
    evidence, small = wrong(), wrong(10.0)
    mean = Evidence(SOME, "mean", np.full(6, 9.0), U)
    assert diagnosis.helped("f", [evidence, mean]) is None and helper.names == []
    helper.fit[:] = [mean]
    said = Diagnosis("equals the reference with a softplus, mean of the rows", ("a softplus",), None, "mean")
    assert diagnosis.helped("f", [evidence, mean]) == said
    helper.one.source = "Du's code"
    built = Built(("f", {"softplus": "another"}))
    words = "equals the reference with a softplus, mean of the rows (convention of Du's code)"
    assert diagnosis.helped("f", [evidence, mean]) == Diagnosis(words, ("a softplus",), built, "mean")
    helper.fit[:] = [small]
    assert diagnosis.helped("f", [small]) is None  # ten tolerances are rounding
    for one in (wrong(10.25), wrong(lambda vector: 10.25 * (np.arange(4) == 2))):
        helper.fit[:] = [one]
        assert diagnosis.helped("f", [one]).reduction == "per row"
    helper.fit.clear()
    helper.names.clear()
    assert diagnosis.helped("f", [evidence]) is None
    (_, (function, candidates, with_it)) = helper.seen[-1]
    assert (function, candidates, with_it()) == ("f", [evidence], built.known)
    known = SimpleNamespace(implementation=lambda: "theirs")
    helper["_beside_helper"] = Diagnosis("twice", ("a",), known)
    found = diagnosis.helped("f", [evidence])
    assert found == Diagnosis("twice, and a softplus (convention of Du's code)", ("a",), Built("theirs"))
    helper["_beside_helper"] = Diagnosis("twice", ("a",))
    assert diagnosis.helped("f", [evidence]).convention is None


def test_beside_a_replaced_helper(made, monkeypatch):
    """An entry of the bank, or a chain of conventions; errors of a few tolerances are none."""
    made.instead(diagnosis.bank, "entry", "in_conventions")
    what = SimpleNamespace(what="variant")
    monkeypatch.setattr(diagnosis, "readings", lambda function: [what])
    monkeypatch.setattr(diagnosis, "Reading", lambda function, with_it, one: (function, with_it(), one))
    with_it = lambda *one: ("with", *one)  # noqa: E731
    evidence = wrong()
    made["entry"] = lambda function, one, versions: ("entry", versions)
    assert diagnosis._beside_helper("f", [evidence], with_it) == ("entry", [("f", ("with", "variant"), "variant")])
    made["entry"] = lambda function, one, versions: None
    made["in_conventions"] = lambda function, one, inner: ("chain", inner)
    assert diagnosis._beside_helper("f", [evidence], with_it) == ("chain", ("with",))
    assert diagnosis._beside_helper("f", [wrong(100.0)], with_it) is None
    assert diagnosis._beside_helper("f", [wrong(100.25)], with_it) == ("chain", ("with",))
    assert diagnosis._beside_helper("f", [wrong(lambda vector: 1e6 * (np.arange(4) == 2))], with_it)


FLOAT32, DIFFERENCE = diagnosis.ROUGH[2.0**-24], diagnosis.ROUGH[2.0**-19]


def test_what_is_right_to_the_accuracy_of_float32_or_of_a_difference(made, monkeypatch):
    """If most numbers are wrong, and no more than that; or it has a name then."""
    made.instead(diagnosis, "named", "differentiates")
    assert list(diagnosis.ROUGH) == [2.0**-24, 2.0**-19]

    def said(by, differentiates=False, some=SOME):
        made["differentiates"] = differentiates
        found = diagnosis.nearly("f", [wrong(by, some)])
        return found and found.words

    size = U32 / U
    assert said(size) == f"equals the reference to {FLOAT32}; 24 of 24 numbers are wrong" == said(size, True)
    assert said(1.01 * size) == f"equals the reference to {DIFFERENCE}; 24 of 24 numbers are wrong"
    assert said(32 * size).startswith(f"equals the reference to {DIFFERENCE}") and said(32.5 * size) is None
    assert [name for name in made.names if name == "named"] == ["named"] * 8
    below = size / 64 / 32
    assert below == diagnosis.BELOW_FLOAT32
    assert FLOAT32 in said(0.99 * below, False) and diagnosis.BY_DIFFERENCES in said(0.99 * below, True)
    assert FLOAT32 in said(below, True)
    one_more = lambda vector: 0.5 * below if vector.asked.given["seed"] else below  # noqa: E731
    assert FLOAT32 in said(one_more, True)
    assert said(lambda vector: size * (np.arange(4) < 2)) is None  # a half is not most
    assert said(lambda vector: size * (np.arange(4) < 2 + vector.asked.confirms))
    single = Evidence(SOME, "per row", wrong(20 * size).answers, U32)
    assert diagnosis._mostly(single) and diagnosis.nearly("f", [single]) is None
    most, far = wrong(0.5 * below), wrong(1e9 * size)
    made["differentiates"] = True
    for candidates in ([most, far], [far, most]):  # what is said is said of the one that is near
        found = f"equals the reference to {diagnosis.BY_DIFFERENCES}; 24 of 24 numbers are wrong"
        assert diagnosis.nearly("f", candidates).words == found
    assert diagnosis.nearly("f", [most, wrong(2 * below)]).words == found  # the first of two
    assert FLOAT32 in diagnosis.nearly("f", [wrong(2 * below), most]).words
    assert diagnosis.nearly("f", [wrong(60.0), wrong(2 * below)]).words.startswith("the errors are small, 60 tol")
    few = wrong(lambda vector: 0.5 * below * (np.arange(4) < 2))
    assert diagnosis.nearly("f", [few, far]) is None is diagnosis.nearly("f", [far, few])
    made["named"] = lambda function, rough: (
        Diagnosis("it", ("a",), Built(None)) if rough[0].roundoff == 2.0**-19 else None
    )
    made["differentiates"] = False
    assert diagnosis.nearly("f", [wrong(100 * size)]) == Diagnosis(f"it, to {DIFFERENCE}", ("a",))
    made["differentiates"] = True
    assert diagnosis.nearly("f", [wrong(100 * size)]) == Diagnosis(f"it, to {diagnosis.EITHER}", ("a",))
    assert [name for name, given in made.seen if name == "differentiates"]


def test_where_digits_are_lost():
    """Far out, or of inputs that have many; of a few tolerances, how many."""
    few = diagnosis._rounded(wrong(99.0), "words").words
    assert few == "the errors are small, 99 tolerances at most: digits are lost on the way; 24 of 24 numbers are wrong"
    assert (
        diagnosis._rounded(wrong(100.0), "words").words == "equals the reference to words; 24 of 24 numbers are wrong"
    )
    mostly = lambda vector: 99.0 if vector.asked.given["seed"] else 2000.0  # noqa: E731
    assert "the errors are small, 2e+03 tolerances at most" in diagnosis._rounded(wrong(mostly), "words").words
    for given, words in (
        ({"reach": 16}, "wrong far out only; "),
        ({"grid": 48}, "wrong where inputs have more"),
        ({"tau": 1}, "equals the reference to words; 24"),
    ):
        other = [{"tau": 0}, {"tau": 2}] if "tau" in given else [{}, {}]
        some = [question(i, **(given if i % 3 else other[i == 6])) for i in range(9)]
        by = lambda vector: 1e6 * (bool(vector.asked.given["seed"] % 3))  # noqa: E731
        found = diagnosis._rounded(wrong(by, some), "words").words
        assert found.startswith(words) and found.endswith("; 24 of 36 numbers are wrong")
    half = Evidence(SOME, "per row", wrong(1e6).answers, U, np.arange(24) < 13)  # what is left out is no small error
    assert diagnosis._rounded(half, "words").words == "equals the reference to words; 11 of 11 numbers are wrong"


@pytest.fixture
def apart(made, monkeypatch):
    """Numbers that may be set apart: none of them, all of them, those of the last two questions."""
    last = np.arange(24) >= 16
    places = [("no", lambda one: last & ~last), ("all", lambda one: last | ~last), ("last", lambda one: last)]
    monkeypatch.setattr(diagnosis, "EXCEPTIONS", places)
    made.told = []

    def named(function, candidates, deep=None, alone=False):
        (one,) = candidates
        rest = "rest" if np.array_equal(one.left_out, last) else "these"
        made.seen.append((rest, deep if deep is diagnosis._deep else deep and deep(None)))
        return dict(made.told).get(rest)

    made.instead(diagnosis, "named")
    made["named"] = named
    return made


def test_a_name_of_all_but_one_kind_of_questions(apart):
    """The rest is right, or has a name; these have their own, or facts."""
    everywhere, here = wrong(), wrong(lambda vector: 1e6 * (vector.asked.given["seed"] >= 4))
    elsewhere = wrong(lambda vector: 1e6 * (vector.asked.given["seed"] < 4))
    nearest, paired = diagnosis.nearest, diagnosis.paired
    for evidence, asked in ((everywhere, [("rest", [nearest, paired])]), (here, [("these", [nearest])])):
        assert diagnosis.excepted("f", [evidence]) is None
        assert [one for one in apart.seen if one[0] != "named"] == asked
        apart.seen.clear()
    apart.told[:] = [("these", Diagnosis("is other", ("a",), Built(None)))]
    assert diagnosis.excepted("f", [here]) == Diagnosis("wrong only where last: there it is other", ("a",))
    assert diagnosis.excepted("f", [everywhere]) is None
    apart.told[:] = [("rest", Diagnosis("it is so", ("b",), Built(None)))]
    there = "it is so; except where last: there"
    assert diagnosis.excepted("f", [everywhere]) == Diagnosis(f"{there} 8 of 8 numbers are wrong", ("b",))
    assert diagnosis.excepted("f", [elsewhere]) == Diagnosis(f"{there} it is right", ("b",))
    assert diagnosis.excepted("f", [here]) is None
    apart.seen.clear()
    apart.told.append(("these", Diagnosis("is other", ("a",))))
    assert diagnosis.excepted("f", [everywhere]) == Diagnosis(f"{there} it is other", ("b",))
    assert ("these", diagnosis._deep) in apart.seen
    assert diagnosis.excepted("f", [elsewhere]) == Diagnosis(f"{there} it is right", ("b",))
    del apart.told[1]
    assert diagnosis.excepted("f", [wrong(0.0), everywhere]) == Diagnosis(f"{there} 8 of 8 numbers are wrong", ("b",))
