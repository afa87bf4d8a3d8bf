"""The harness for PyTorch. Models are nn.Modules, so `score.parameters()` and the like work.

Importing this sets the default dtype to float64; for another one call torch.set_default_dtype after the import.
"""

import contextlib
import math
from types import SimpleNamespace

import numpy
import torch
from torch.func import grad, vjp

from refebm.crosscheck.frameworks import Harness
from refebm.crosscheck.frameworks.handing import NORMAL, UNIFORM, WHOLE
from refebm.crosscheck.frameworks.source import Source
from refebm.glossary import InputTypeError, leaves_of, mapped
from refebm.identities import NotSupported

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)  # the questions are small


class Built(torch.nn.Module):
    """A model as a module with its parameters."""

    def __init__(self, function, leaves):
        super().__init__()
        self.function, self.leaves = function, torch.nn.ParameterList(leaves)

    def forward(self, x, *level):
        with torch.enable_grad():  # a score is a derivative, taken also where the caller has no gradients
            value = self.function(x, *level)
        return value if torch.is_grad_enabled() else value.detach()


class Potential(torch.autograd.Function):
    """NaN for each row, with minus a field as its gradient, which is itself differentiable."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, field):
        return x.new_full(x.shape[:-1], math.nan)

    @staticmethod
    def setup_context(context, given, _):
        context.save_for_backward(given[0])
        context.save_for_forward(given[0])
        context.field = given[1]

    @staticmethod
    def backward(context, weights):
        (x,) = context.saved_tensors
        return -weights[..., None] * context.field(x), None

    @staticmethod
    def jvp(context, moved, _):
        (x,) = context.saved_tensors
        return -(moved * context.field(x)).sum(-1)


class Weighted(torch.autograd.Function):
    """A number whose gradient in the values is their weights, which may depend on the values, and themselves be
    differentiated. torch.autograd.grad, if it is handed weights, imports SymPy, for half a second."""

    generate_vmap_rule = True

    @staticmethod
    def forward(values, weights):
        return values.new_zeros(())

    @staticmethod
    def setup_context(context, given, _):
        context.save_for_backward(given[1])

    @staticmethod
    def backward(context, slope):
        (weights,) = context.saved_tensors
        return slope * weights, None


class Torch(Harness):
    def tensor(self, value):
        value = numpy.asarray(value)
        return torch.tensor(value, dtype=torch.get_default_dtype() if value.dtype.kind == "f" else None)

    def array(self, value):
        return value.detach().cpu().numpy() if torch.is_tensor(value) else value

    def callable_of(self, function, leaves):
        return Built(function, leaves)

    def gradient(self, function, leaves):
        leaves = [torch.nn.Parameter(leaf) for leaf in leaves]
        values = function(leaves)
        found = (
            torch.autograd.grad(values.mean(), leaves, allow_unused=True)
            if values.requires_grad
            else [None] * len(leaves)
        )
        return [torch.zeros_like(leaf) if one is None else one for leaf, one in zip(leaves, found)]

    def slope(self, energy, x, *level):
        with torch.enable_grad():
            x = x if x.requires_grad else x.detach().requires_grad_()
            return torch.autograd.grad(energy(x, *level).sum(), x, create_graph=True)[0]

    def pull_back(self, field, x, weights, *level):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            values = field(x, *level)
            if not values.requires_grad:
                return torch.zeros_like(x)
            found = torch.autograd.grad((values * weights).sum(), x, allow_unused=True)[0]
            return torch.zeros_like(x) if found is None else found

    def products(self, own, energy, product=None, gradient=None):
        held = next(iter(own.parameters()), None) if isinstance(own, torch.nn.Module) else None
        self.held = held if held is not None else self.held
        return super().products(own, energy)

    def slopes(self, function, own):
        module = getattr(own, "__self__", own)
        held = module.named_parameters() if isinstance(module, torch.nn.Module) else ()
        named = {name: one for name, one in held if one.requires_grad}
        if not named:
            raise NotSupported("the model is no torch.nn.Module with parameters that require a gradient")
        values = function(own)
        if not torch.is_tensor(values):
            raise NotSupported(f"no tensor came back, but {type(values).__name__}")
        leaves = list(named.values())
        found = (
            torch.autograd.grad(values.mean(), leaves, allow_unused=True, retain_graph=True)
            if values.requires_grad
            else [None] * len(leaves)
        )
        found = [torch.zeros_like(leaf) if one is None else one for leaf, one in zip(leaves, found)]
        return self.array(values), dict(zip(named, map(self.array, found)))

    held = None  # a parameter of the model, or the points: inputs get its dtype and device

    def input(self, value):
        held = self.held
        return self.like(value, held) if torch.is_tensor(held) else torch.tensor(value)

    @contextlib.contextmanager
    def restored(self, *own):
        """Batch normalisation, when it trains, counts what it sees in buffers."""
        buffers = [one for module in own if isinstance(module, torch.nn.Module) for one in module.buffers()]
        before = [one.detach().clone() for one in buffers]
        try:
            yield
        finally:
            with torch.no_grad():
                for one, had in zip(buffers, before):
                    one.copy_(had)

    def holds(self, value):
        return torch.is_tensor(value) and value.layout == torch.strided and not value.is_meta

    def points(self, name, value):
        kind = f"a tensor in {value.layout} on {value.device}" if torch.is_tensor(value) else type(value).__name__
        raise InputTypeError("E-DTYPE", f"{name} must be a plain tensor, as the loss or the model takes it, got {kind}")

    def like(self, value, x):
        value = numpy.asarray(value)
        return torch.tensor(value, dtype=x.dtype if value.dtype.kind == "f" else None, device=x.device)

    def draws(self, hand):
        def like(law):
            name = "torch.rand_like" if law == UNIFORM else "torch.randn_like"
            return lambda x, **_: hand.drawn(name, law, x.shape)

        def of_shape(name, law):
            def drawn(*shape, size=None, **_):
                given = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
                return hand.drawn(f"torch.{name}", law, given if size is None else size)

            return drawn

        def normal(mean, std=1.0, size=None, **_):
            shape = size or torch.broadcast_shapes(*(one.shape for one in (mean, std) if torch.is_tensor(one)))
            return mean + std * hand.drawn("torch.normal", NORMAL, shape)

        def whole(*given, size=None, **_):
            return hand.drawn("torch.randint", WHOLE, given[-1] if size is None else size)

        def decided(p, *_, **__):
            return (hand.drawn("torch.bernoulli", UNIFORM, p.shape) < p).to(p.dtype)

        def normal_(x, mean=0.0, std=1.0, **_):
            return x.copy_(mean + std * hand.drawn("normal_", NORMAL, x.shape))

        def uniform_(x, low=0.0, high=1.0, **_):
            return x.copy_(low + (high - low) * hand.drawn("uniform_", UNIFORM, x.shape))

        def bernoulli_(x, p=0.5, **_):
            return x.copy_((hand.drawn("bernoulli_", UNIFORM, x.shape) < p).to(x.dtype))

        named = {"randn": of_shape("randn", NORMAL), "rand": of_shape("rand", UNIFORM), "randint": whole}
        named |= {"normal": normal, "randn_like": like(NORMAL), "rand_like": like(UNIFORM), "bernoulli": decided}
        methods = {"normal_": normal_, "uniform_": uniform_, "bernoulli_": bernoulli_, "bernoulli": decided}
        own = [(torch, name, other) for name, other in named.items()]
        return own + [(torch.Tensor, name, other) for name, other in methods.items()]

    def potential(self, field, leaves):
        return lambda x, *level: Potential.apply(x, lambda x: field(leaves, x, *level))

    def leaf(self, value):
        return torch.nn.Parameter(self.tensor(value))

    @contextlib.contextmanager
    def of_dtype(self, dtype):
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype or before)
        try:
            yield
        finally:
            torch.set_default_dtype(before)


# ---- functions that refebm calls by their names in NumPy, SciPy and autograd -----------------------------------------


def _tensors(function):
    """A function of tensors, extended to Python numbers."""
    return lambda *given: function(*(one if torch.is_tensor(one) else torch.as_tensor(one) for one in given))


def _along(function):
    """A function of one array with NumPy's optional argument axis for torch's dim."""

    def along(a, axis=None, **options):
        return function(torch.as_tensor(a), **options | ({} if axis is None else {"dim": axis}))

    return along


def _joined(function):
    return lambda parts, axis=0: function(list(parts), dim=axis)


def _filled(function):
    return lambda shape, dtype=None: function(shape, dtype={bool: torch.bool, int: torch.long}.get(dtype, dtype))


def _deviation(function):
    return lambda a, axis=None, ddof=0: function(a, dim=axis, correction=ddof)


def _largest(function):
    """The largest or smallest entry; NumPy's argument `initial`, for empty arrays, is ignored."""
    return lambda a, axis=None, initial=None: function(torch.as_tensor(a), *([] if axis is None else [axis]))


def _geometric(first, last, n):
    return first * (last / first) ** (torch.arange(n) / (n - 1))


def _diagonal(a, axis1=0, axis2=1):
    return torch.diagonal(a, dim1=axis1, dim2=axis2)


def _transposed(a, axes=None):
    a = torch.as_tensor(a)
    return a.permute(tuple(range(a.ndim))[::-1] if axes is None else axes)


def _flipped(a, axis=None):
    return torch.flip(a, tuple(range(a.ndim)) if axis is None else (axis,))


def _transform(function):
    return lambda x, n=None, axis=-1: function(x, n, axis)


def _row(a):
    return torch.as_tensor(a).reshape(-1)


def _wrapped(x):
    """Whether torch.func differentiates in this array. Other code avoids torch.func, whose import takes a second."""
    return torch._C._functorch.is_functorch_wrapped_tensor(x)


def _own(x):
    """A view of the array to differentiate in: derivatives do not flow through other uses of it."""
    return x.view_as(x) if x.requires_grad else x.detach().requires_grad_()


def _slope(function):
    """The elementwise derivative."""

    def at(x):
        if _wrapped(x):
            return grad(lambda x: function(x).sum())(x)
        back, value = _pull_back(function)(x)
        return back(torch.ones_like(value))

    return at


def _pull_back(function):
    """The pull-back in an array or nested arrays; zeros where the value does not depend on them."""

    def at(x):
        if any(map(_wrapped, leaves_of(x))):
            value, back = vjp(function, x)
            return lambda weights: back(weights)[0], value
        x = mapped(_own, x)
        with torch.enable_grad():
            value = function(x)

        def back(weights):
            leaves, options = leaves_of(x), {"create_graph": True, "materialize_grads": True}
            if not value.requires_grad:
                return mapped(torch.zeros_like, x)
            with torch.enable_grad():
                of = (value * weights).sum() if weights.is_leaf else Weighted.apply(value, weights)
            found = iter(torch.autograd.grad(of, leaves, **options))
            return mapped(lambda _: next(found), x)

        return back, value

    return at


def _push_forward(function):
    """J v by pulling back the pull-back, which is linear; PyTorch's forward mode supports fewer operations."""

    def at(x):
        back, value = _pull_back(function)(x)
        forward, _ = _pull_back(back)(torch.zeros_like(value))
        return lambda v: (value, forward(v))

    return at


def _some(a):
    while torch._C._functorch.is_functorch_wrapped_tensor(a):
        a = torch._C._functorch.get_unwrapped(a)
    return bool(a.any())


BY_ELEMENT = ("abs", "exp", "expm1", "log", "log1p", "log10", "sqrt", "tanh", "sinh", "cosh", "sign", "floor", "where")
BY_ELEMENT += ("maximum", "minimum", "logaddexp", "isfinite", "isnan", "ones_like", "zeros_like", "ravel", "diag")
BY_ELEMENT += ("fmin", "sin", "cos", "square")
AS_THEY_ARE = ("eye", "arange", "tril", "trace", "einsum", "matmul", "tensordot", "linalg", "swapaxes", "argsort")
AS_THEY_ARE += ("unique", "linspace", "ldexp", "frexp", "round", "argmax")
NUMPY = {name: _tensors(getattr(torch, name)) for name in BY_ELEMENT}
NUMPY |= {name: getattr(torch, name) for name in AS_THEY_ARE}
NUMPY |= {name: _along(getattr(torch, name)) for name in ("sum", "mean", "all", "any", "cumsum")}
NUMPY |= {name: _deviation(getattr(torch, name)) for name in ("std", "var")}
NUMPY |= {"max": _largest(torch.amax), "min": _largest(torch.amin), "geomspace": _geometric, "clip": torch.clamp}
NUMPY |= {"shape": numpy.shape, "ndim": numpy.ndim, "diagonal": _diagonal, "transpose": _transposed, "flip": _flipped}
NUMPY |= {"flatnonzero": lambda a: torch.nonzero(a)[:, 0], "append": lambda a, b: torch.cat([_row(a), _row(b)])}
NUMPY["roll"] = lambda a, shift, axis=None: torch.roll(a, shift, axis)
NUMPY |= {"resize": lambda a, shape: _row(a)[torch.arange(math.prod(shape)) % a.numel()].reshape(shape)}
NUMPY |= {"ones": _filled(torch.ones), "zeros": _filled(torch.zeros), "array": _tensors(torch.clone)}
NUMPY |= {"asarray": torch.as_tensor}
NUMPY |= {"concatenate": _joined(torch.cat), "stack": _joined(torch.stack), "dot": torch.matmul}
NUMPY |= {"reshape": lambda a, shape: torch.as_tensor(a).reshape(shape)}
NUMPY |= {"split": lambda a, parts, axis=0: torch.chunk(a, parts, axis)}
NUMPY["cumsum"] = lambda a, axis=0: torch.cumsum(a, axis)
NUMPY["minimum"].accumulate = lambda a, axis: torch.cummin(a, axis).values
NUMPY["logical_and"] = SimpleNamespace(accumulate=lambda a, axis: torch.cumprod(a, axis).bool())
SPECIAL = {"gammaln": torch.lgamma}
SPECIAL |= {name: _tensors(getattr(torch.special, name)) for name in ("gammainc", "gammaincc", "ndtr")}
FFT = {name: _transform(getattr(torch.fft, name)) for name in ("rfft", "irfft")}
AUTOGRAD = {"elementwise_grad": _slope, "make_vjp": _pull_back, "make_jvp": _push_forward}
OWN = {"largest_distance": lambda x: torch.pdist(x).max()}
Torch.source = Source(NUMPY, SPECIAL, FFT, AUTOGRAD, held=torch.detach, own=OWN, some=_some)
HARNESS = Torch()
objective, handing_out = HARNESS.objective, HARNESS.handing_out


def __getattr__(name):
    """`np`, and the building blocks of refebm's formulas on tensors: squared_norm, jacobian, Gaussian, ..."""
    return getattr(Torch.source, name)
