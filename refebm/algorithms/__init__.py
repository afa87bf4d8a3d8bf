r"""The documents' procedures, complete: each step draws noise, calls a definition, and descends its gradient.

Each procedure takes data x (n, d), models as callables whose first argument is parameters, the initial parameters,
sizes, and a Generator. It draws only from this Generator, in the order of its numbered steps, so that the same seed
gives the same run. A step is parameters - step_size g, as in the documents; with adam=True it is a step of Adam. A
minibatch is `batch` rows of x, each drawn uniformly from all rows; if batch = n it is x itself, and nothing is drawn.
Models compute in float64 with autograd.numpy. each: called with the parameters and i before step i. progress: show a
line on stderr.

Procedures return a `Fit`. If a loss or gradient is not finite, training stops at the last good parameters, and the
message of the fit says so. Any other exception carries the fit so far as its attribute `fit`.
Errors: E-BATCH for a batch larger than the data; E-NDIM, E-EMPTY, E-FINITE, E-DTYPE; E-POSITIVE for step sizes;
E-COUNT, E-RNG, E-FLAG; E-CALLABLE for a model that returns a wrong shape.
"""
