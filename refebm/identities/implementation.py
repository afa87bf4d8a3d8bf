"""What a theorem is run on: refebm's public functions, or a copy with some of them replaced."""

import autograd.numpy as np

import refebm
from refebm.calculus import pull_back
from refebm.glossary import InputError
from refebm.models import ENERGIES, RBMS, Model, Models
from refebm.words import did_you_mean


class Failure(Exception):
    """An implementation under test gave no usable answer; the text says what it did instead."""


class NotSupported(Failure):
    """The implementation says that it does not support this question."""


class Unusable(InputError):
    """The implementation as a whole cannot be used: no question gets a usable answer."""


def affine(phi, eps):
    """z = A eps + b."""
    a, b = phi
    return np.dot(eps, a.T) + b


SAMPLERS = {"affine": affine}  # by the names that questions have for them


class Implementation:
    """Public functions as attributes; and methods that build an argument from a question's data (types `Built`)."""

    def __init__(self, **replaced):
        self._replaced = replaced

    def __getattr__(self, name):
        try:
            return self._replaced[name] if name in self._replaced else getattr(refebm, name)
        except AttributeError:
            near = did_you_mean(name, refebm.__all__)
            raise AttributeError(f"no public function is called {name!r}{near}") from None

    def supports(self, function: str) -> bool:
        """Whether a public function, or the class of a method, is replaced here."""
        return function.partition(".")[0] in self._replaced

    def score(self, model: Model):
        return self.score_of(model) if model.kind in ENERGIES else model

    def energy(self, model: Model):
        return model

    def energies(self, models: Models):
        return tuple(map(self.energy, models))

    def scores(self, models: Models):
        return tuple(map(self.score, models))

    def rbm(self, model: Model):
        return getattr(self, RBMS[model.kind].__name__)(**model.parameters)

    def sde(self, data: dict):
        return getattr(self, data["kind"])(**data["parameters"])

    def weight(self, values: np.ndarray):
        return lambda t: values

    def generator(self, name: str):
        return getattr(self, name)

    def sampler(self, name: str):
        return SAMPLERS[name]

    def data_score(self, density):
        return density.score

    def and_gradient(self, function: str, given: tuple) -> tuple:
        """The rows of an objective that exists for its gradient, and their gradients in its last argument."""
        rows, back = pull_back(lambda last: getattr(self, function)(*given[:-1], last), given[-1])
        return rows, back(np.ones(len(rows)))


class Beside:
    """An implementation together with a user's functions, which are used where it does not replace them."""

    def __init__(self, impl: Implementation, own: dict):
        self._impl, self._own = impl, own

    def __getattr__(self, name):
        own = name in self._own and not self._impl.supports(name)
        return self._own[name] if own else getattr(self._impl, name)


REFERENCE = Implementation()
