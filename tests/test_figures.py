"""Every figure can be drawn, small, and is readable: labels, finite data, no text on text."""

from importlib import import_module
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.quiver import Quiver
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from figures import style, training
from figures.__main__ import FOLDER, NAMES, draw_to, main
from refebm import log_partition

SMALL = 0.1
NO_FIGURE = {"__init__", "__main__", "certified", "style", "training"}
LARGEST_FILE = 150_000


class Drawn(NamedTuple):
    """A script, its small figure, and the box of each text on it."""

    caption: str
    figure: Figure
    boxes: list[tuple[str, Bbox]]


@pytest.fixture(scope="module", params=NAMES)
def drawn(request):
    draw = import_module(f"figures.{request.param}").draw
    figure = draw(SMALL)
    return Drawn(draw.__doc__, figure, boxes_of_texts(figure))


@style.styled
def boxes_of_texts(figure):
    """Of those that are really drawn: labels of ticks beyond the limits exist too, and are not."""
    texts, draw_text = [], Text.draw

    def draw_and_remember(text, renderer):
        if text.get_visible() and text.get_text().strip():
            texts.append(text)
        draw_text(text, renderer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", draw_and_remember)
        figure.draw_without_rendering()
    return [(text.get_text(), text.get_window_extent()) for text in texts]


def numbers(axes):
    """Everything that is drawn in data coordinates."""
    for line in axes.lines:
        yield line.get_xydata()
    for collection in axes.collections:
        if isinstance(collection, Quiver):
            yield from (collection.XY, collection.U, collection.V)


def test_every_script_is_collected():
    assert {path.stem for path in FOLDER.glob("*.py")} - NO_FIGURE == set(NAMES)


def test_the_caption_is_one_line(drawn):
    caption = drawn.caption
    assert caption and caption == caption.strip() and "\n" not in caption and caption.endswith(".")


def test_axes_have_labels_and_finite_data(drawn):
    """Labels may be on the outer panels alone, where inner ones share the axis."""
    for axes in drawn.figure.axes:
        place = axes.get_subplotspec()
        assert axes.get_xlabel() or not place.is_last_row()
        assert axes.get_ylabel() or not place.is_first_col()
        data = list(numbers(axes))
        assert data and all(np.all(np.isfinite(part)) for part in data)


def test_units_are_named(drawn):
    labels = [label for axes in drawn.figure.axes for label in (axes.get_xlabel(), axes.get_ylabel()) if label]
    unnamed = [label for label in labels if "unit" not in label and "number" not in label]
    assert not unnamed


def test_no_text_is_off_the_page(drawn):
    page = drawn.figure.bbox.padded(1)
    assert not [text for text, box in drawn.boxes if not all(page.contains(*end) for end in box.get_points())]


def test_no_text_is_on_another(drawn):
    assert not [(a, b) for (a, box), (b, other) in combinations(drawn.boxes, 2) if box.overlaps(other)]


def test_the_check_of_texts_can_fail():
    figure, axes = style.panels([["a"]], 2.0)
    axes["a"].text(0.5, 0.5, "one")
    axes["a"].text(0.5, 0.5, "another")
    axes["a"].text(0.5, 2.0, "high")
    drawn = Drawn("", figure, boxes_of_texts(figure))
    for check in (test_no_text_is_on_another, test_no_text_is_off_the_page):
        with pytest.raises(AssertionError):
            check(drawn)


@pytest.mark.parametrize("name", ["tweedie", "sliced"])
def test_a_file_repeats(name, tmp_path):
    """Also the one with random draws; nothing else is left in the folder."""
    first, second = (draw_to(tmp_path / f"{i}.png", name, SMALL) for i in (1, 2))
    assert first.read_bytes() == second.read_bytes()
    assert sorted(tmp_path.iterdir()) == [first, second]
    assert imread(first).shape[1] == style.WIDTH * style.DPI


def test_the_files_are_small():
    for name in NAMES:
        assert (FOLDER / f"{name}.png").stat().st_size < LARGEST_FILE


@pytest.mark.parametrize("name", training.METHODS)
def test_saved_fits_have_the_likelihoods_that_are_drawn(name):
    """And the lattice on which they were trained is fine enough: an error of 1e-6 nats would not be seen."""
    fit = training.saved()[name]
    value = training.log_likelihood(fit.parameters)
    assert abs(value - fit.log_likelihoods[-1]) < 1e-12
    assert abs(training.log_z(fit.parameters) - log_partition(training.model(fit.parameters), 2)) < 1e-6


def test_exact_likelihood_is_the_best_fit():
    fits = training.saved()
    assert max(fits, key=lambda name: fits[name].log_likelihoods[-1]) == "exact likelihood"


@pytest.mark.parametrize("samples", [training.from_the_data, training.carried_on, training.from_a_buffer])
def test_training_repeats(samples, monkeypatch, capsys):
    monkeypatch.setattr(training, "UPDATES", 2)
    first, second = (training.by_samples(samples(1)) for _ in range(2))
    np.testing.assert_array_equal(first.log_likelihoods, second.log_likelihoods)
    assert first.updates.tolist() == [0, 2] and "2 of 2" in capsys.readouterr().err


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "old.png"
    path.write_text("old")
    monkeypatch.setattr(style.os, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        style.save(style.panels([["a"]], 1.0)[0], path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_an_unknown_name_is_an_error_that_names_the_known(capsys):
    with pytest.raises(SystemExit) as exit_status:
        main(["tweedie", "tweedy"])
    message = capsys.readouterr().err
    assert exit_status.value.code == 2
    assert "tweedy" in message and all(name in message for name in NAMES)


def test_named_figures_are_drawn_into_the_folder(tmp_path, capsys):
    assert main(["tweedie"], tmp_path) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["tweedie.png"]
    assert "tweedie.png" in capsys.readouterr().out
