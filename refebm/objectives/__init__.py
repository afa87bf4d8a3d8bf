"""Training objectives: functionals of callables, one value per row, to be minimised in the mean."""
