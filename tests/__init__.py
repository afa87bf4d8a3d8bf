"""Tests of refebm: `pytest` runs them, `python -m tests.oracle` writes the tables they read."""
