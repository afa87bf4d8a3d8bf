"""Adapters of public packages, each with what is expected of every function of it: `pytest -m peers_wild`.

`EXPECTED` is the status of each function, and words of its diagnosis if it is a convention. A package that is not
installed is passed over.
"""
