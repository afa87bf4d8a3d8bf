"""Draw the figures beside their scripts, as PNG."""

import argparse
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

FOLDER = Path(__file__).parent
NAMES = (
    "densities",
    "score_matching",
    "gamma_boundary",
    "sliced",
    "tweedie",
    "denoising",
    "metropolis",
    "langevin",
    "contrastive_divergence",
    "coupled_chains",
    "likelihood",
    "noise_contrastive",
    "jensen_shannon",
    "flow_contrast",
    "adversarial",
    "noise_fields",
    "diffusion_paths",
    "diffusion_orders",
    "mode_weights",
    "low_density",
    "digits",
    "digit_times",
)


def main(arguments: Sequence[str] | None = None, folder: Path = FOLDER) -> int:
    """Draw the named figures, or all; returns the exit status (2 for an unknown name, by argparse)."""
    parser = argparse.ArgumentParser(prog="python -m figures", description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"one of {', '.join(NAMES)}; all when none is given")
    names = parser.parse_args(arguments).names or NAMES
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        parser.error(f"no figure is called {', '.join(unknown)}; the figures are {', '.join(NAMES)}")
    for name in names:
        start = time.perf_counter()
        path = draw_to(folder / f"{name}.png", name)
        print(f"{path}  {path.stat().st_size / 1000:.0f} kB  {time.perf_counter() - start:.1f} s", flush=True)
    return 0


def draw_to(path: Path, name: str, size: float = 1.0) -> Path:
    """Draw the figure called `name` into `path`."""
    # Imported here, so that a wrong name is reported without loading matplotlib.
    from figures.style import save

    return save(import_module(f"figures.{name}").draw(size), path)


if __name__ == "__main__":
    raise SystemExit(main())
