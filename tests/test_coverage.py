"""The page about the five documents, which is written by hand: every name in it exists and stands where it says."""

import re
from pathlib import Path

import refebm.book
from refebm.book import entries
from refebm.book.pages import anchor
from refebm.identities import THEOREMS
from refebm.papers import DOCUMENTS
from refebm.variants import WRONG

PAGE = (Path(refebm.book.__file__).parent / "coverage.md").read_text(encoding="utf-8")
LINK = re.compile(r"\[`([\w.]+)`\]\([\w.#]+\)")


def rows(head):
    """The cells of the tables with this head."""
    for table in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        first, _, *lines = (re.split(r" ?(?<!\\)\| ?", line)[1:-1] for line in table.splitlines())
        yield from lines if first == head else ()


def link_to(name):
    page = THEOREMS[name].stem if name in THEOREMS else entries.page_of(name)
    return f"[`{name}`]({page}.md#{name})"


def places(where):
    """The anchors of the texts that a cell cites."""
    return set(re.findall(r"\]\(sources\.md#([\w-]+)\)", where))


PLACES = set(map(anchor, DOCUMENTS))
COVERED = list(rows(["what it says", "where", "here", "proved by"]))
ERRATA = list(rows(["printed", "holds", "where", "wrong version"]))


def test_every_definition_is_covered():
    assert not [name for name in entries.definitions() if link_to(name) not in PAGE]


def test_every_link_leads_to_what_it_names():
    found = list(LINK.finditer(PAGE))
    assert len(found) > 400
    assert not [link[0] for link in found if link[0] != link_to(link[1])]


def owner(name):
    """The public name that a method, or a value such as LOGISTIC, belongs to."""
    public = name.partition(".")[0]
    return public if callable(entries.thing(public)) else type(entries.thing(public)).__name__


def test_every_row_is_of_a_document_and_its_theorems_are_about_its_definitions():
    """All of them: no definition without a theorem, and no theorem about something else."""
    assert len(COVERED) > 80
    for said, where, here, proved in COVERED:
        assert (cited := places(where)) and cited <= PLACES, where
        names = {owner(name) for name in LINK.findall(here)}
        subjects = [set(map(owner, THEOREMS[name].about)) for name in LINK.findall(proved)]
        assert said and names == names & set().union(*subjects), said
        assert all(subject & names for subject in subjects), said


def test_every_document_is_covered():
    assert {one for one in PLACES if sum(one in places(where) for _, where, *_ in COVERED) >= 10} == PLACES


def test_every_erratum_is_a_wrong_version_and_what_is_printed_wrong_is_an_erratum():
    """Rejected by a theorem, as all wrong versions are."""
    listed = [part for *_, versions in ERRATA for part in versions.split("; ")]
    printed = [one for one in WRONG if one.seen.startswith("printed")]
    names = [one.misstated.name if one.misstated else one.function for one in printed]
    assert sorted(listed) == sorted(f"{link_to(name)}: {one.name}" for name, one in zip(names, printed, strict=True))
    assert len(ERRATA) >= 22


def test_an_erratum_is_about_what_its_document_writes():
    """A row of that document has the definition, or the theorem, whose wrong version is said to be printed there."""
    for _, _, where, versions in ERRATA:
        for name in LINK.findall(versions):
            written = [places(cited) for _, cited, here, proved in COVERED if link_to(name) in here + proved]
            assert any(places(where) <= one for one in written), (name, where)
