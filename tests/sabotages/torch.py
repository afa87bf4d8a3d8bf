"""Patches of the PyTorch adapter: (function, name in the bank): (was, becomes, inside)."""

PATCHES: dict[tuple[str, str], tuple[str, str, str]] = {}
NOT_IN_THE_BANK: list[tuple] = []
