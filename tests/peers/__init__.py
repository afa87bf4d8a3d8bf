"""Adapters of public packages, each with what is expected of every function of it: `pytest -m peers_wild`.

`EXPECTED` is the status of each function, or that and what its diagnosis says, a regular expression: a convention's
name, or the fault of the package. A package that is not installed is passed over.
"""
