"""Theorems: one record each, used by ``refebm verify``, the tests, the index in the README, and the vectors."""
