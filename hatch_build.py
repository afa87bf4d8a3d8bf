"""The README as it is packed: what it links to in the repository has no address elsewhere, so the words alone stay."""

import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

PICTURES = r"(\| )+\|\n\| --- .*\n(\|( !\[.*?\]\(.*?\) \|)+\n)+"  # a table of nothing else
LINK = r"\[([^\]]+)\]\((?!https?://)[^)]*\)"


class Readme(MetadataHookInterface):
    """Hatchling asks for what pyproject.toml calls dynamic."""

    def update(self, metadata: dict) -> None:
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": packed(text)}


def packed(text: str) -> str:
    """The text without pictures and links that lead into the repository, and without marks for its generator."""
    text = re.sub(PICTURES, "", text)
    return re.sub(LINK, r"\1", re.sub(r"<!-- .*? -->\n", "", text))
