"""The site: whole or not there; its links hold; in a browser nothing complains, overflows or stays unread.

``pytest -m browser tests/test_site.py`` opens each page in a headless chromium (playwright and chromium are wanted).
"""

import builtins
import html.parser
import re
import shutil
from collections import Counter
from xml.etree import ElementTree

import pytest

from refebm.book import entries
from refebm.book.pages import pages
from refebm.cli import main

LIBRARIES = ("markdown_it", "mdit_py_plugins", "latex2mathml", "pygments")
PARTS = {
    "mfrac": 2,
    "msub": 2,
    "msup": 2,
    "msubsup": 3,
    "munder": 2,
    "mover": 2,
    "munderover": 3,
}  # of elements of MathML
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    for name in LIBRARIES:
        pytest.importorskip(name)
    folder = tmp_path_factory.mktemp("site") / "book"
    assert main(["book", str(folder)]) == 0
    return folder


class Reader(html.parser.HTMLParser):
    """The addresses, the anchors, the pictures and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.anchors, self.pictures, self.formulas = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors += [found["id"]] if "id" in found else []
        self.links += [found[name] for name in ("href", "src") if name in found]
        self.pictures += [found] if tag == "img" else []

    def handle_data(self, data):
        if self.lasttag in ("mi", "mo", "mtext"):
            self.formulas.append(data)


def links_and_anchors_hold(site, read):
    anchors = {path: set(page.anchors) for path, page in read.items()}
    for path in (site / "code").iterdir():
        anchors[path] = set(re.findall(r'id="(L\d+)"', path.read_text(encoding="utf-8")))
    for path, page in read.items():
        for address in page.links:
            if not address.startswith(("https://", "data:")):
                file, _, place = address.partition("#")
                target = (path.parent / file).resolve() if file else path
                assert target.exists(), (path.name, address)
                assert not place or place in anchors[target], (path.name, address)


def nothing_comes_from_elsewhere(site, read):
    for path in site.rglob("*"):
        if path.suffix in (".html", ".css", ".js"):
            assert not re.search(r"(src=|href=|url\(|import )[\"']?(https?:)?//", path.read_text(encoding="utf-8")), (
                path
            )


def anchors_are_unique_and_every_name_has_one(site, read):
    found = Counter(anchor for page in read.values() for anchor in page.anchors)
    names = [*entries.definitions(), *(theorem.name for theorem in entries.TRUSTED)]
    assert all(found[name] == 1 for name in names)


def pictures_have_words(site, read):
    pictures = [picture for page in read.values() for picture in page.pictures]
    assert len(pictures) == sum(map(len, entries.figures().values()))
    assert all(len(picture["alt"]) > 20 for picture in pictures)


def every_equation_is_mathml(site, read):
    for path, page in read.items():
        text = path.read_text(encoding="utf-8")
        assert "<merror" not in text and "$$" not in text, path
        assert not [one for one in page.formulas if "\\" in one], path
        for formula in map(ElementTree.fromstring, re.findall(r"<math.*?</math>", text)):
            parts = {one.tag: len(one) for one in formula.iter() if one.tag in PARTS and len(one) != PARTS[one.tag]}
            assert not parts, (path, parts)
    number = sum(text.count("\n$$\n") // 2 for text in pages().values())
    shown = sum(path.read_text(encoding="utf-8").count('display="block"') for path in read)
    assert shown >= number > 400


def no_page_is_forgotten(site, read):
    assert {site / f"{name}.html" for name in pages() if name != "README"} < set(read)


def test_the_site_is_whole(site):
    """In one test: processes that share the tests would each write the site again."""
    read = {path: Reader(path.read_text(encoding="utf-8")) for path in site.glob("*.html")}
    links_and_anchors_hold(site, read)
    nothing_comes_from_elsewhere(site, read)
    anchors_are_unique_and_every_name_has_one(site, read)
    pictures_have_words(site, read)
    every_equation_is_mathml(site, read)
    no_page_is_forgotten(site, read)


def test_a_book_is_written_over_a_book(tmp_path, monkeypatch, capsys):
    for name in LIBRARIES:
        pytest.importorskip(name)
    for word in ("old", "new"):
        monkeypatch.setattr("refebm.book.site.pages", lambda word=word: {"README": f"# {word}"})
        assert main(["book", str(tmp_path / "book")]) == 0
        assert f"<h1>{word}</h1>" in (tmp_path / "book" / "index.html").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["book"]


def test_a_folder_with_other_things_is_left_alone(tmp_path, capsys):
    for name in LIBRARIES:
        pytest.importorskip(name)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    for folder in (tmp_path / "mine", tmp_path / "mine" / "thesis.tex", tmp_path / "mine" / "thesis.tex" / "below"):
        assert main(["book", str(folder)]) == 2
        said = capsys.readouterr().err
        assert len(re.findall("E-FOLDER|E-FILE", said)) == 1, said
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "thesis.tex"]


def test_the_folder_where_one_is_is_not_replaced(tmp_path, monkeypatch, capsys):
    for name in LIBRARIES:
        pytest.importorskip(name)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for folder in (".", "..", str(tmp_path / "here")):
        assert main(["book", folder]) == 2 and "E-FOLDER" in capsys.readouterr().err


def test_what_fails_leaves_nothing(tmp_path, monkeypatch, capsys):
    for name in LIBRARIES:
        pytest.importorskip(name)
    monkeypatch.setattr("refebm.book.site.pages", lambda: {"README": "# new"})
    monkeypatch.setattr("refebm.book.site._entries", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["book", str(tmp_path / "book")])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_missing_library_is_named(library, tmp_path, monkeypatch, capsys):
    plain = builtins.__import__

    def without(name, *rest):
        if name.partition(".")[0] in LIBRARIES[LIBRARIES.index(library) :]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["book", str(tmp_path / "book")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("refebm: E-EXTRA") and "pip install 'refebm[book]'" in said
    assert not (tmp_path / "book").exists()


def test_no_line_breaks_after_a_minus_sign_or_within_the_code_of_an_error(site):
    text = (site / "parametrisations.html").read_text(encoding="utf-8")
    assert '<span class="whole">-noise(' in text and '<span class="whole">E-SHAPE</span>' in text


def test_formulas_in_prose_are_mathml_that_may_be_broken_after_operators(site):
    text = (site / "denoising.html").read_text(encoding="utf-8")
    said = text.partition("from pairs of a data point")[2].partition("<p>Definitions")[0]
    assert said.count('<span class="math inline">') == 9 and "sigma" not in said
    assert "</math><wbr><math" in said and '<mo form="infix">=</mo>' in said


def test_a_minus_sign_after_a_bracket_or_an_opening_bar_is_that_of_a_number():
    pytest.importorskip("latex2mathml")
    from latex2mathml.converter import convert

    from refebm.book.site import _mended

    for latex, forms in {
        "f(-x)": ["prefix"],
        "|-x|": ["prefix"],
        "|x| - y": ["infix"],
        "|x|^2 - |-y|": ["infix", "prefix"],
    }.items():
        signs = ElementTree.fromstring(_mended(convert(latex))).iter("mo")
        assert [one.get("form") for one in signs if one.text == "\u2212"] == forms, latex


# ---- in a browser ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM:
        pytest.skip("no chromium")
    with api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


OVERFLOWING = """() => [...document.querySelectorAll('main *')].filter(one => {
    const box = one.getBoundingClientRect();
    if (box.right <= document.documentElement.clientWidth + 1) return false;
    for (let up = one.parentElement; up; up = up.parentElement)
        if (getComputedStyle(up).overflowX !== 'visible' && up !== document.documentElement) return false;
    return true;
}).map(one => one.outerHTML.slice(0, 200))"""


SCROLLING = """[...document.querySelectorAll('pre')].filter(one => one.scrollWidth > one.clientWidth + 1)
    .map(one => one.textContent.slice(0, 100))"""


HEIGHTS = """[...document.querySelectorAll('math')]
    .filter(one => !/^[.…⋯]+$/.test(one.textContent.trim()))  // the dots of an ellipsis are 3 pixels high
    .map(one => one.getBoundingClientRect().height)"""


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1440])
def test_pages_load_and_fit(width, site, browser):
    page, said = browser.new_page(viewport={"width": width, "height": 900}), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(request.url))
    for path in sorted(site.glob("*.html")):
        page.goto(path.as_uri())
        assert not said, (path.name, said)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width, path.name
        assert page.evaluate(OVERFLOWING) == [], path.name
        assert page.evaluate(SCROLLING) == [], path.name
        assert all(size > 5 for size in page.evaluate(HEIGHTS)), path.name
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    "text, name",
    {
        "Hyvarinen": "implicit_score_matching",
        "Hyvärinen": "implicit_score_matching",
        "dsm": "denoising_score_matching",
        "song kingma 15": "sliced_score_matching",
        "eq. 19": "noise_contrastive",
    }.items(),
)
def test_the_search_finds(text, name, site, browser):
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto((site / "index.html").as_uri())
    page.fill("#search", text)
    assert name in page.locator("#found code").all_text_contents()
    page.locator("#found a", has=page.locator(f"code:text-is('{name}')")).first.click()
    page.locator(f"[id='{name}']").wait_for(state="attached")  # as soon as the page is loaded
    assert page.url.endswith(f"#{name}")
    page.close()


@pytest.mark.browser
def test_nce_is_no_part_of_divergence(site, browser):
    page = browser.new_page()
    page.goto((site / "sdes.html").as_uri())
    page.fill("#search", "nce")
    assert "divergence" not in page.locator("#found code").all_text_contents()
    page.close()


@pytest.mark.browser
def test_code_stands_beside_mathematics_where_there_is_room(site, browser):
    for width, beside in ((1440, True), (360, False)):
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto((site / "denoising.html").as_uri())
        said, code = (page.locator(f"section.definition {part}").first.bounding_box() for part in (".said", ".beside"))
        assert (code["x"] > said["x"]) == beside and (code["y"] >= said["y"] + said["height"] - 1) != beside
        page.close()


COVERED = """[...document.querySelectorAll(".beside + *")].filter((below) => {
  const above = below.previousElementSibling.getBoundingClientRect();
  return above.height && below.getBoundingClientRect().top < above.bottom - 1;
}).length"""


@pytest.mark.browser
def test_code_covers_nothing_when_the_page_is_scrolled(site, browser):
    page = browser.new_page(viewport={"width": 1440, "height": 400})
    page.goto((site / "sdes.html").as_uri())
    for top in range(0, 4000, 200):
        page.evaluate(f"scrollTo(0, {top})")
        assert not page.evaluate(COVERED), top
    page.close()


@pytest.mark.browser
def test_light_and_dark(site, browser):
    colours = set()
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto((site / "index.html").as_uri())
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.close()
    assert len(colours) == 2
