r"""The documents' procedures, whole: a step draws what it needs, calls a definition, and goes down its gradient.

Each takes data x (n, d), models as callables of parameters first, first parameters, sizes, and a Generator, from which
alone it draws, in the order that it says, so that the same seed gives the same run. A step is parameters - step_size g,
as in the documents; adam=True has Adam's. A minibatch is `batch` rows of x, each drawn from all of them; where it is as
many, it is x, and nothing is drawn. Models are float64 by autograd.numpy. each: called with the parameters and i before
step i; progress: a line on stderr. Returns a `Fit`; one that meets numbers that are not finite ends with the last
parameters before, and says so, and any other error that ends it has the fit as its attribute `fit`.
Errors: E-BATCH for a batch larger than the data; E-NDIM, E-EMPTY, E-FINITE, E-DTYPE; E-POSITIVE for step sizes;
E-COUNT, E-RNG, E-FLAG; E-CALLABLE for a model that returns another shape.
"""
