r"""Theorems about the other discrepancies: Stein's, minimum probability flow, minimum velocity."""
