r"""Training: minimise a loss over the parameters of a model, nested tuples, lists and dicts of float arrays.

`minimise` uses L-BFGS, for a deterministic loss. `minimise_noisy` uses Adam, or plain gradient steps, for a loss with
new noise at each step (drawn beforehand, or by a generator in the loss's closure). `minimise_in_turns` does the same
for several players, each with its own loss.

If the loss or its gradient is not finite, `minimise` tries shorter steps. If none is short enough, and in the other two
functions at once, training stops at the last good parameters, and the message of the `Fit` says so. A loss that raises
E-FINITE or E-SUPPORT, a DomainError (no integral, not settled), a LinAlgError (a matrix is not positive definite) or an
ArithmeticError counts as not finite. Any other exception leaves training with the fit so far as its attribute `fit`.

Errors: E-CALLABLE for a loss that is not callable or returns no float; E-DTYPE, E-EMPTY and E-FINITE for the
parameters; E-COUNT, E-POSITIVE, E-FLAG; whatever the loss raises at the first parameters, and E-FINITE if it is not
finite there.
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
    """The result of training.

    parameters: the last ones, nested as they were given. history: the losses, (number of steps,); from `minimise` also
    that of the start, so one more; with several players a column for each. finite: False if training stopped because
    the loss or its gradient was not finite; the parameters are then the last good ones. message: why training ended.
    """

    parameters: Any
    history: np.ndarray
    finite: bool
    message: str


def minimise(
    loss: Callable, parameters: Any, n_steps: int = 1000, tolerance: float = 1e-8, *, progress: bool = True
) -> Fit:
    r"""Parameters at which no entry of the gradient of loss(parameters) is above the tolerance, by L-BFGS.

    $$\theta^* :\ \max_i |\partial L(\theta)/\partial \theta_i| \le \text{tolerance}$$

    loss: parameters -> float, differentiable by autograd, with the same value at each call. It takes at most n_steps
    steps, and ends earlier if the loss falls by no more than roundoff. progress: show a line on stderr.
    Errors: E-CALLABLE for loss; E-DTYPE, E-EMPTY, E-FINITE for parameters; E-COUNT for n_steps; E-POSITIVE,
    E-SHAPE for tolerance; E-FLAG.
    Also: L-BFGS
    Source: Liu and Nocedal 1989; `scipy.optimize.minimize`, method L-BFGS-B
    """
    descent = _Descent(_Run(loss, parameters, n_steps, progress, first=1), positive("tolerance", tolerance))
    return descent.run.fit(descent.search)


class _Descent:
    """L-BFGS from where a run is, in u = x/reach, since its first step has length 1; begun again if that does not fit.

    reach is a power of 2, so that the division is exact.
    """

    def __init__(self, run, tolerance):
        self.run, self.tolerance, self.reach = run, tolerance, 1.0
        self.trial, self.lowest, self.first = run.x, (np.inf, run.x), None

    def search(self):
        run = self.run
        while (steps := run.n_steps - max(0, len(run.history) - 1)) > 0:
            gtol = self.reach * self.tolerance
            options = {"maxiter": steps, "maxfun": 100 * steps, "gtol": gtol, "ftol": ROUNDOFF}
            start, how = run.last / self.reach, {"jac": True, "method": "L-BFGS-B", "callback": self.keep}
            try:
                result = scipy.optimize.minimize(self.value_and_gradient, start, options=options, **how)
                if not self.rescaled():
                    return self.reach * result.x, NOTHING_LOWER if "ABNORMAL" in result.message else result.message
            except _Stop:  # restart from the lowest point so far, with at most half the step that led to no finite loss
                if run.history and self.lowest[0] < run.history[-1]:
                    run.keep(self.lowest[1], self.lowest[0])
                length = scipy.linalg.norm(self.trial - run.last, check_finite=False)  # without squares that overflow
                if numpy.isnan(length) and self.rescaled():
                    continue
                self.reach = numpy.ldexp(1.0, numpy.frexp(length)[1] - 2)
                if not length > 0 or self.reach <= ROUNDOFF * scipy.linalg.norm(run.last):
                    raise
        return run.last, f"the LIMIT of {run.n_steps} steps is reached"

    def value_and_gradient(self, u):
        self.trial = self.reach * u
        value, gradient = self.run.value_and_gradient(self.trial)
        if not self.run.history:  # the first evaluation is at the start, for which scipy makes no callback
            self.run.keep(self.trial, value)
            self.first = value, gradient
        if value < self.lowest[0]:
            self.lowest = value, self.trial
        return value, self.reach * gradient

    def keep(self, intermediate_result):
        self.run.keep(self.reach * intermediate_result.x, intermediate_result.fun)

    def rescaled(self):
        """Whether to begin again, once, if nothing was gained: with the step along which the loss falls by its size."""
        history = self.run.history
        if self.first is None or history[-1] < history[0] - 8 * ROUNDOFF * abs(history[0]):
            return False
        (value, gradient), self.first = self.first, None
        steepest = numpy.max(numpy.abs(gradient))
        if steepest <= self.tolerance:
            return False
        with numpy.errstate(over="ignore", under="ignore"):
            reach = numpy.ldexp(1.0, numpy.frexp((abs(value) or 1.0) / steepest)[1])
        if not 0 < reach < np.inf:
            return False
        self.reach = reach
        return True


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
    steps, x - step_size g. each: called with a copy of the parameters and i before step i, to observe the training.
    progress: show a line on stderr.
    Errors: E-CALLABLE for loss and each; E-DTYPE, E-EMPTY, E-FINITE for parameters; E-COUNT for n_steps; E-POSITIVE,
    E-SHAPE for step_size; E-FLAG.
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
    r"""n_steps rounds; in each, every player in turn takes a step down its own loss, with the others' parameters fixed.

    losses: for each player's name, (parameters of all players by name, i) -> float. parameters: those of each player,
    by name; players move in the order of this dict. adam: every player has its own Adam; False for plain steps. each:
    called with the parameters of all players and i before round i.
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

    def of_all_players(fit):
        rounds = min(len(one.history) for one in players.values())
        history = np.stack([one.history[:rounds] for one in players.values()], axis=1)
        last = {name: one.unflatten(one.x if fit.finite else one.last) for name, one in players.items()}
        return fit._replace(parameters=last, history=history)

    return first.fit(search, of_all_players, all_of=players.values())


class _Stop(Exception):
    """Raised if the loss or its gradient is not finite, with the reason as its message."""


class _Run:
    """A training in progress: the loss as a function of a flat vector x, the losses so far, the last good x, the line
    on stderr."""

    def __init__(self, loss, parameters, n_steps, progress, first=0):
        self.loss, self.n_steps = _callable("loss", loss), steps("n_steps", n_steps)
        self.line = Line(flag("progress", progress))
        self.x, self.unflatten = _flat(parameters)
        self.history, self.last, self.first = [], self.x, first  # first: the number of losses in history before step 1

    def value_and_gradient(self, x, *i):
        """The loss at x, in step i if it takes one, and its gradient; raises _Stop if they are not finite."""
        try:
            with numpy.errstate(all="ignore"):
                value, back = pull_back(
                    lambda parameters: _of_parameters(_float(asked("loss", self.loss, parameters, *i))),
                    self.unflatten(numpy.array(x)),  # a primitive of the user's may write into it
                )
                gradient = numpy.concatenate([numpy.ravel(part) for part in leaves_of(back(numpy.float64(1.0)))])
        except (InputError, ArithmeticError, numpy.linalg.LinAlgError) as error:
            code = getattr(error, "code", "E-FINITE")
            not_finite = isinstance(error, DomainError) or code in ("E-FINITE", "E-SUPPORT")
            if self.history and not_finite:
                raise _Stop(str(error)) from error
            raise
        if not numpy.isfinite(value):
            raise _Stop(f"it is {value}")
        if not numpy.isfinite(gradient).all():
            raise _Stop("its gradient is not")
        return value, gradient

    def keep(self, x, value):
        """Record x, into which nobody writes, as the last good point, and the loss there."""
        self.last = x
        self.history.append(float(value))
        self.tell()

    def fit(self, search, converted=lambda fit: fit, all_of=None):
        """The Fit that `search` leads to, or the Fit so far if the loss is no longer finite, converted by `converted`.

        all_of: the runs of all players, if there are several.
        """
        begun = all_of or [self]
        try:
            x, message = search()
        except _Stop as stop:
            if not all(one.history for one in begun):
                late = any(one.history for one in begun) * ", after a step of the players before it, perhaps too long"
                raise InputError("E-FINITE", f"loss must be finite at the first parameters: {stop}{late}") from stop
            x, finite = self.last, False
            message = (
                f"stopped at step {len(self.history)}, where the loss is not finite ({stop}), with the last before"
            )
        except BaseException as error:
            if all(one.history for one in begun):
                message = f"stopped at step {len(self.history)} by {type(error).__name__}"
                error.fit = converted(Fit(self.unflatten(self.last), np.array(self.history), False, message))
            raise
        else:
            finite = True
        self.tell(f"  {message}\n")
        return converted(Fit(self.unflatten(x), np.array(self.history), finite, message))

    def tell(self, end=""):
        """Overwrite the line on stderr with the number of steps and the last loss."""
        if self.line.shown:
            self.line.tell(f"{len(self.history) - self.first:6} of {self.n_steps}  loss {self.history[-1]:<13.6g}", end)


class _Player(_Run):
    """A run of gradient steps, one at a time, by Adam or plain."""

    def __init__(self, loss, parameters, n_steps, step_size, adam, progress):
        super().__init__(loss, parameters, n_steps, progress)
        step_size = positive("step_size", step_size)
        self.stepped = _adam(step_size) if flag("adam", adam) else _plain(step_size)

    def step(self, i):
        value, gradient = self.value_and_gradient(self.x, i)
        self.keep(self.x, value)
        with numpy.errstate(over="ignore", invalid="ignore"):
            x = self.stepped(self.x, gradient)
        if not numpy.isfinite(x).all():
            raise _Stop("the step from it overflows")
        self.x = x


def _plain(step_size):
    """A function (x, gradient) -> x - step_size gradient, in the memory of the gradient: new memory costs time."""

    def stepped(x, gradient):
        return numpy.subtract(x, numpy.multiply(step_size, gradient, out=gradient), out=gradient)

    return stepped


def _adam(step_size, b1=0.9, b2=0.999, eps=1e-8):
    """A function (x, gradient) -> x after a step of Adam: Kingma and Ba 2015, algorithm 1.

    It equals `autograd.misc.optimizers.adam` to the last digit. That function runs its own loop, which players that
    take turns cannot use.
    """
    i, m, v = 0, 0.0, 0.0

    def stepped(x, gradient):
        nonlocal i, m, v
        i, m, v = i + 1, (1 - b1) * gradient + b1 * m, (1 - b2) * gradient**2 + b2 * v
        if not numpy.isfinite(v).all():  # this and all later steps would be 0
            raise _Stop("its gradient has no square")
        return x - step_size * (m / (1 - b1**i)) / (np.sqrt(v / (1 - b2**i)) + eps)

    return stepped


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

    def nest(x):  # the inverse of flatten; autograd's own, which is traced, is slow
        return filled(form, (x[start:end].reshape(shape) for start, end, shape in places))

    return np.array(real_array("parameters", x)), nest


def _of_parameters(value):
    if held(value) is value:
        raise InputError("E-CALLABLE", "loss must depend on the parameters, through autograd.numpy")
    return value


def _float(value):
    kind = getattr(getattr(value, "dtype", None), "kind", "f" if isinstance(value, float) else None)
    if np.shape(value) or kind != "f":
        raise InputTypeError(
            "E-CALLABLE",
            f"loss must return a float, such as a mean over rows; got {type(value).__name__} {np.shape(value)}",
        )
    return value
