"""Every figure can be drawn, small, and is readable: labels, finite data, no text on text."""

from importlib import import_module
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest
from autograd.misc import flatten
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.quiver import Quiver
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from scipy.special import logsumexp

from figures import contrast, contrastive_divergence, coupled_chains, implicit_vae, style, training
from figures.__main__ import FOLDER, NAMES, draw_to, main
from refebm import RealNVP, log_partition

SMALL = 0.1
pytestmark = pytest.mark.long
NO_FIGURE = {
    "__init__",
    "__main__",
    "certified",
    "contrast",
    "implicit_vae",
    "noise_levels",
    "style",
    "tables",
    "training",
}
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
    yield from (image.get_array() for image in axes.images)
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


@pytest.mark.parametrize("name", [name for name in training.METHODS if name != "exact likelihood"])
def test_training_repeats(name, monkeypatch, capsys):
    monkeypatch.setattr(training, "UPDATES", 2)
    first, second = (training.METHODS[name]() for _ in range(2))
    np.testing.assert_array_equal(first.log_likelihoods, second.log_likelihoods)
    assert first.updates.tolist() == [0, 2] and "2 of 2" in capsys.readouterr().err


CONTRASTS = [(data, name) for data in contrast.DATA for name in contrast.NAMES]
FINE = np.arange(-10.0, 10.0, 0.04)
WIDE = np.stack(np.meshgrid(FINE, FINE), axis=-1).reshape(-1, 2)


@pytest.mark.parametrize(("data", "name"), CONTRASTS)
def test_saved_contrasts_are_what_is_drawn(data, name):
    """Their partition functions by a wider and finer lattice, and the end of each game's curve."""
    fit = contrast.saved()[data][name]
    log_z = training.log_z(fit.parameters)
    assert abs(log_z - logsumexp(-training.model(fit.parameters)(WIDE)) - 2 * np.log(0.04)) < 2e-4
    if len(fit.curve):
        flow = RealNVP(contrast.couplings(fit.flows[-1]))
        of_energy = contrast.quality(data, contrast.log_density(fit.parameters, log_z))
        ends = of_energy, contrast.quality(data, flow.log_prob), contrast.gap(fit.parameters, flow)
        assert np.max(np.abs(fit.curve[-1, 1:] - ends)) < 1e-9


def test_learned_partition_functions_are_near():
    """Where the noise is drawn once; in a game the flow that hugs the data leaves mass of the model unseen."""
    for data, name in CONTRASTS:
        fit = contrast.saved()[data][name]
        if np.isfinite(fit.log_z) and not len(fit.curve):
            assert abs(fit.log_z - training.log_z(fit.parameters)) < 0.15


def test_exact_likelihood_is_the_best_contrast():
    """Of the petals, by definition; the same start as in the other script ends in the same optimum, or in a better."""
    fits = contrast.saved()["petals"]
    values = {name: -np.mean(training.model(t.parameters)(training.X)) for name, t in fits.items()}
    values = {name: value - training.log_z(fits[name].parameters) for name, value in values.items()}
    assert max(values, key=values.get) == "exact likelihood"
    assert values["exact likelihood"] > training.saved()["exact likelihood"].log_likelihoods[-1] - 1e-4


@pytest.mark.parametrize("method", [contrast.by_flow_contrast, contrast.by_bound])
def test_games_repeat(method, monkeypatch, capsys):
    monkeypatch.setattr(contrast, "STAGES", ((2, 1e-2), (1, 1e-3)))
    first, second = (method(training.X) for _ in range(2))
    np.testing.assert_array_equal(first.curve, second.curve)
    assert first.curve[:, 0].tolist() == [0, 3] and len(first.flows) == 2 and "1 of 1" in capsys.readouterr().err


def test_an_implicit_autoencoder_learns_in_a_few_updates():
    """Decoder, encoder and score, against closed forms."""
    first = implicit_vae.exact(implicit_vae.start())
    trained = implicit_vae.train(implicit_vae.start(), ((50, 2e-2), (10, 5e-3)))
    last = implicit_vae.Exact(*trained.curve[-1])
    most = implicit_vae.log_likelihood(implicit_vae.best())
    assert implicit_vae.log_likelihood(implicit_vae.TRUTH) < most
    assert first.log_likelihood + 0.5 < last.log_likelihood < most
    assert 0 < last.gap < 0.3 * first.gap and last.score_error < 0.5 * first.score_error


def test_coupled_chains_have_the_moments_that_are_drawn():
    """No bias, whatever k and m are; and the library's own chains have the variance, the meeting time and the cost."""
    parameters = contrastive_divergence.train(None, 60)[-1]
    exact = flatten(contrastive_divergence.gradient(parameters, None))[0]
    for k, m in ((0, 0), (0, 3), (1, 1), (2, 6)):
        assert np.max(np.abs(coupled_chains.by_coupling(parameters, k, m).mean - exact)) < 1e-14
    k, m, rows = 1, 3, 4000
    drawn, tau = coupled_chains.simulated(parameters, rows, k, m)
    wanted, met = coupled_chains.by_coupling(parameters, k, m), coupled_chains.meetings(parameters)
    costs = 2 * (tau - 1) + np.maximum(1, m + 1 - tau)
    means = np.column_stack(
        [drawn - exact, np.sum((drawn - exact) ** 2, axis=1) - wanted.variance, costs - wanted.cost]
    )
    means = np.column_stack([means, tau - met @ np.arange(len(met))])
    assert np.all(np.abs(np.mean(means, axis=0)) <= 5 * np.std(means, axis=0) / np.sqrt(rows))


def test_means_keep_a_bias_that_chains_lose():
    """With many steps CD has none; mean-field CD has nearly none where couplings are small, and after training much."""
    first, *_, last = contrastive_divergence.train(None, 200)
    biases = []
    for parameters in (first, last):
        exact = flatten(contrastive_divergence.gradient(parameters, None))[0]
        assert np.max(np.abs(coupled_chains.by_chains(parameters, 200).mean - exact)) < 1e-12
        biases.append(np.linalg.norm(coupled_chains.by_means(parameters, 200).mean - exact))
    assert biases[0] < 0.05 < 0.2 < biases[1]


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
