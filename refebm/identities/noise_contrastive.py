r"""Theorems about noise contrast: what its optimum is, its limits, and what it costs."""
