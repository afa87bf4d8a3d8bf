"""The specification as pages: each definition with its equation, code, mistakes and evidence, generated from the code.

``python -m refebm.book`` writes the pages in this folder, and first runs the theorems that have no record of evidence.
"""
