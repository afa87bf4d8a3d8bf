"""The specification as pages: each definition with its equation, code, mistakes and evidence, generated from the rest.

``python -m refebm.book`` writes the pages of this folder anew, and records what the theorems without a record reach.
"""
