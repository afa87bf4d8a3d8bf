r"""Training: minimise a loss in the parameters of a model, nested tuples, lists and dicts of float arrays.

`minimise` is L-BFGS, for a loss that is a function; `minimise_noisy` is Adam, or plain gradient steps, for one that
draws noise at each step: noise that is drawn before, or by a generator in the closure of the loss; `minimise_in_turns`
is the same for several players, each with a loss of its own. Where the loss, or its gradient, is not finite, `minimise`
tries shorter steps; where none is short enough, and in the others at once, training stops, keeps the parameters before,
and says so. A loss that refuses such parameters (E-FINITE, a DomainError: no integral, not settled; a LinAlgError: a
matrix that is not positive definite; an ArithmeticError) counts as one that is not finite there. Whatever else ends a
training has what was fitted as its attribute `fit`.

Errors: E-CALLABLE for a loss that is not callable or returns no float; E-DTYPE, E-EMPTY and E-FINITE for the
parameters; E-COUNT, E-POSITIVE; what the loss raises at the first parameters, E-FINITE where it is not finite there.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import autograd.numpy as np
import numpy
import scipy
from autograd.misc import flatten

from refebm.calculus import held, pull_back
from refebm.glossary import (
    DomainError,
    InputError,
    InputTypeError,
    asked,
    filled,
    flag,
    leaves_of,
    positive,
    real_array,
    see_callable,
    steps,
)
from refebm.progress import Line

ROUNDOFF = np.finfo(float).eps
NOTHING_LOWER = "the line search found nothing lower: this is roundoff, or the loss is noisy or not smooth"


class Fit(NamedTuple):
    """What came out of training.

    parameters: the last, in the form in which they were given. history: the losses, (number of steps,), of `minimise`
    those of the start and of each step, so one more; of a game a column for each player. finite:
    False where training stopped because the loss, or its gradient, was not: the parameters are then the last before.
    message: why it ended, in words.
    """

    parameters: Any
    history: np.ndarray
    finite: bool
    message: str


def minimise(
    loss: Callable, parameters: Any, n_steps: int = 1000, tolerance: float = 1e-8, *, progress: bool = True
) -> Fit:
    r"""Parameters in which no entry of the gradient of loss(parameters) is above the tolerance, by L-BFGS.

    $$\theta^* :\ \max_i |\partial L(\theta)/\partial \theta_i| \le \text{tolerance}$$

    loss: parameters -> float, differentiable by autograd, the same whenever it is asked. At most n_steps steps; it also
    ends where the loss falls by no more than roundoff. progress: a line on stderr.
    Also: L-BFGS
    Source: Liu and Nocedal 1989; `scipy.optimize.minimize`, method L-BFGS-B
    """
    run, tolerance = _Run(loss, parameters, n_steps, progress, first=1), positive("tolerance", tolerance)
    reach = 1.0  # a search begins with a step of this length; it is a power of 2, so that u = x/reach is exact
    trial, lowest = run.x, (np.inf, run.x)

    def asked(u):
        nonlocal trial, lowest
        trial = reach * u
        value, gradient = run.value_and_gradient(trial)
        if not run.history:  # the search begins by asking at the start, and does not call back there
            run.keep(trial, value)
        if value < lowest[0]:
            lowest = value, trial
        return value, reach * gradient

    def keep(intermediate_result):
        run.keep(reach * intermediate_result.x, intermediate_result.fun)

    def search():
        nonlocal reach
        while (steps := run.n_steps - max(0, len(run.history) - 1)) > 0:
            options = {"maxiter": steps, "maxfun": 100 * steps, "gtol": reach * tolerance, "ftol": ROUNDOFF}
            try:
                result = scipy.optimize.minimize(
                    asked, run.last / reach, jac=True, method="L-BFGS-B", callback=keep, options=options
                )
                return reach * result.x, NOTHING_LOWER if "ABNORMAL" in result.message else result.message
            except _Stop:  # anew from the lowest so far, with a step of at most half the length that led out
                if run.history and lowest[0] < run.history[-1]:
                    run.keep(lowest[1], lowest[0])
                length = np.linalg.norm(trial - run.last)
                reach = numpy.ldexp(1.0, numpy.frexp(length)[1] - 2)
                if not 0 < length < np.inf or reach <= ROUNDOFF * np.linalg.norm(run.last):
                    raise
        return run.last, f"the LIMIT of {run.n_steps} steps is reached"

    return run.fit(search)


def minimise_noisy(
    loss: Callable,
    parameters: Any,
    n_steps: int,
    step_size: float,
    *,
    adam: bool = True,
    each: Callable | None = None,
    progress: bool = True,
) -> Fit:
    r"""Parameters after n_steps steps of Adam, each with the gradient of loss(parameters, i), i = 0, 1, ...

    $$\theta_{i+1} = \theta_i - \alpha\, \hat m_i/(\sqrt{\hat v_i} + 10^{-8})$$

    loss: parameters, i -> float, differentiable by autograd; its noise may differ at each step. adam: False for plain
    steps, x - step_size g. each: called with the parameters and i before step i, to look at them. progress: a line on
    stderr.
    Also: Adam, SGD
    Source: Kingma and Ba 2015, algorithm 1; Robbins and Monro 1951
    """
    player = _Player(loss, parameters, n_steps, step_size, adam, progress)
    each = each and _callable("each", each)

    def search():
        for i in range(player.n_steps):
            if each:
                asked("each", each, player.unflatten(np.array(player.x)), i)
            player.step(i)
        return player.x, f"all {player.n_steps} steps are done"

    return player.fit(search)


def minimise_in_turns(
    losses: dict[str, Callable],
    parameters: dict[str, Any],
    n_steps: int,
    step_size: float,
    *,
    adam: bool = True,
    each: Callable | None = None,
    progress: bool = True,
) -> Fit:
    r"""n_steps rounds, in each of which every player takes a step down a loss of its own, all the others being held.

    losses: by player, (parameters of all by player, i) -> float; parameters: those of the players, who move in this
    order. adam: each has an Adam of its own; False for plain steps. each: called before round i.
    Source: Goodfellow et al. 2014, algorithm 1
    """
    now, each = dict(parameters), each and _callable("each", each)

    def own(name):
        loss = _callable(f"losses[{name!r}]", losses[name])
        return lambda mine, i: loss({**now, name: mine}, i)

    players = {
        name: _Player(own(name), part, n_steps, step_size, adam, progress and name == next(iter(parameters)))
        for name, part in parameters.items()
    }
    first = next(iter(players.values()))

    def search():
        for i in range(first.n_steps):
            if each:
                asked("each", each, {name: one.unflatten(np.array(one.x)) for name, one in players.items()}, i)
            for name, one in players.items():
                one.step(i)
                now[name] = one.unflatten(one.x)
        return first.x, f"all {first.n_steps} rounds are done"

    def told(fit):
        rounds = min(len(one.history) for one in players.values())
        history = np.stack([one.history[:rounds] for one in players.values()], axis=1)
        last = {name: one.unflatten(one.x if fit.finite else one.last) for name, one in players.items()}
        return fit._replace(parameters=last, history=history)

    return first.fit(search, told, all_of=players.values())


class _Stop(Exception):
    """The loss is not finite."""


class _Run:
    """A loss of flat parameters x, the losses so far, the last x at which all was well, the line on stderr."""

    def __init__(self, loss, parameters, n_steps, progress, first=0):
        self.loss, self.n_steps = _callable("loss", loss), steps("n_steps", n_steps)
        self.line = Line(flag("progress", progress))
        self.x, self.unflatten = _flat(parameters)
        self.history, self.last, self.first = [], self.x, first  # of the losses, those that are of no step

    def value_and_gradient(self, x, *i):
        """Of the loss at x, in step i; _Stop where they are not finite."""
        try:
            with numpy.errstate(all="ignore"):
                value, back = pull_back(
                    lambda parameters: _of_parameters(_float(asked("loss", self.loss, parameters, *i))),
                    self.unflatten(x),
                )
                gradient = numpy.concatenate([numpy.ravel(part) for part in leaves_of(back(numpy.float64(1.0)))])
        except (InputError, ArithmeticError, numpy.linalg.LinAlgError) as error:
            told = not isinstance(error, InputError) or isinstance(error, DomainError) or error.code == "E-FINITE"
            if self.history and told:
                raise _Stop(str(error)) from error
            raise
        if not numpy.isfinite(value):
            raise _Stop(f"it is {value}")
        if not numpy.isfinite(gradient).all():
            raise _Stop("its gradient is not")
        return value, gradient

    def keep(self, x, value):
        """All is well at x."""
        self.last = numpy.array(x)
        self.history.append(float(value))
        self.tell()

    def fit(self, search, told=lambda fit: fit, all_of=None):
        """What the search comes to, or what it had when the loss was no longer finite, as it is told."""
        begun = all_of or [self]
        try:
            x, message = search()
        except _Stop as stop:
            if not all(one.history for one in begun):
                raise InputError("E-FINITE", f"loss must be finite at the first parameters: {stop}") from stop
            x, finite = self.last, False
            message = (
                f"stopped at step {len(self.history)}, where the loss is not finite ({stop}), with the last before"
            )
        except BaseException as error:
            if all(one.history for one in begun):
                message = f"stopped at step {len(self.history)} by {type(error).__name__}"
                error.fit = told(Fit(self.unflatten(self.last), np.array(self.history), False, message))
            raise
        else:
            finite = True
        self.tell(f"  {message}\n")
        return told(Fit(self.unflatten(x), np.array(self.history), finite, message))

    def tell(self, end=""):
        """Where we are, over the line that was there."""
        if self.line.shown:
            self.line.tell(f"{len(self.history) - self.first:6} of {self.n_steps}  loss {self.history[-1]:<13.6g}", end)


class _Player(_Run):
    """A run by steps, each along a gradient of its own."""

    def __init__(self, loss, parameters, n_steps, step_size, adam, progress):
        super().__init__(loss, parameters, n_steps, progress)
        step_size = positive("step_size", step_size)
        self.moved = _adam(step_size) if flag("adam", adam) else lambda x, gradient: x - step_size * gradient

    def step(self, i):
        value, gradient = self.value_and_gradient(self.x, i)
        self.keep(self.x, value)
        with numpy.errstate(over="ignore", invalid="ignore"):
            x = self.moved(self.x, gradient)
        if not numpy.isfinite(x).all():
            raise _Stop("the step from it leads out of the numbers")
        self.x = x


def _adam(step_size, b1=0.9, b2=0.999, eps=1e-8):
    """Running means of the gradient and of its square, freed of their start at 0: Kingma and Ba 2015, algorithm 1.

    As `autograd.misc.optimizers.adam`, to the last digit; that one keeps its loop to itself, and players take turns.
    """
    i, m, v = 0, 0.0, 0.0

    def moved(x, gradient):
        nonlocal i, m, v
        i, m, v = i + 1, (1 - b1) * gradient + b1 * m, (1 - b2) * gradient**2 + b2 * v
        return x - step_size * (m / (1 - b1**i)) / (np.sqrt(v / (1 - b2**i)) + eps)

    return moved


def _callable(name, function):
    see_callable(name, function)
    return function


def _flat(parameters):
    if isinstance(parameters, (tuple, list, dict)) and not parameters:
        raise InputError("E-EMPTY", "parameters must have at least one number")
    try:
        x, _ = flatten(parameters)
    except TypeError as error:
        raise InputTypeError(
            "E-DTYPE", f"parameters must be float arrays in tuples, lists and dicts by name: {error}"
        ) from error
    if not len(x):
        raise InputError("E-EMPTY", "parameters must have at least one number")
    leaves = leaves_of(parameters)
    form, ends = filled(parameters, leaves), numpy.cumsum([np.size(leaf) for leaf in leaves])
    places = [(end - np.size(leaf), end, np.shape(leaf)) for leaf, end in zip(leaves, ends.tolist())]

    def nest(x):  # as the other thing that flatten returns, which is slow: it is traced
        return filled(form, (x[start:end].reshape(shape) for start, end, shape in places))

    return np.array(real_array("parameters", x)), nest


def _of_parameters(value):
    if held(value) is value:
        raise InputError("E-CALLABLE", "loss must depend on the parameters, by autograd.numpy")
    return value


def _float(value):
    kind = getattr(getattr(value, "dtype", None), "kind", "f" if isinstance(value, float) else None)
    if np.shape(value) or kind != "f":
        raise InputTypeError(
            "E-CALLABLE",
            f"loss must return a float, such as a mean over rows; got {type(value).__name__} {np.shape(value)}",
        )
    return value
