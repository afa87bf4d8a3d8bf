"""Adapters to start from; they are data here, and import what refebm never does."""

from pathlib import Path

FOLDER = Path(__file__).parent / "templates"
TEMPLATES = {"torch": "torch.py", "jax": "jax.py", "numpy": "numpy.py", "javascript": "javascript.mjs"}


def template(name: str) -> str:
    """The text of a template; the last answers golden vectors under node, as an example of another language."""
    return (FOLDER / TEMPLATES[name]).read_text(encoding="utf-8")
