"""Mutants of a file, in a copy of the tree: does some test notice each? See README.md beside this."""
