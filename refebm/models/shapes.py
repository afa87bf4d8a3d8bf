"""The shapes that the parameters of each kind of model must have, and the dimension d that follows from them.

A shape is written in letters: "kd" is (k, d), and a letter means the same number in all parameters of a model.
"""

import autograd.numpy as np

from refebm.calculus import held
from refebm.glossary import DomainError, InputError

SHAPES = {
    "quadratic": {"mean": "d", "precision": "dd"},
    "mixture": {"logits": "k", "means": "kd", "precisions": "kdd"},
    "mlp_energy": {"precision": ""},
    "gamma": {"shape": "d", "rate": "d"},
    "binary_rbm": {"b": "d", "c": "m", "W": "dm"},
    "gaussian_rbm": {"b": "d", "c": "m", "W": "dm", "sigma": ""},
    "smoothed_mixture": {"logits": "k", "means": "kd", "variances": "kd"},
    "diffused_mixture": {"logits": "k", "means": "kd", "variances": "kd"},
    "laplace": {"loc": "d", "scale": "d"},
    "at_level": {"sigma": ""},
    "denoiser": {"sigma": ""},
    "log_density": {"log_z": ""},
    "autoregressive": {"shift": "d", "shift_weights": "dd", "log_scale": "d", "log_scale_weights": "dd"},
}
POSITIVE = ("shape", "rate", "scale", "variances", "sigma")


def dimension(kind: str, parameters: dict) -> int:
    """The dimension d of a model. Errors: E-MODEL if shapes do not fit or a parameter is not finite; E-POSITIVE."""
    sizes = array_sizes(kind, parameters, SHAPES.get(kind, {}))
    if "layers" in parameters:
        inputs, outputs = widths(kind, "layers", parameters["layers"])
        d = inputs - (kind == "noise_conditional")
        if outputs != (1 if kind == "mlp_energy" else d):
            raise InputError("E-MODEL", f"the layers of a {kind} with d = {d} have {outputs} outputs")
        return d
    if "couplings" in parameters:
        pairs = [widths(kind, "couplings", layers) for layers in _sequence(kind, "couplings", parameters["couplings"])]
        if not pairs or any(pair != (pairs[0][0], 2 * pairs[0][0]) for pair in pairs):
            raise InputError("E-MODEL", f"couplings of a {kind} must each go from d to 2 d, got {pairs}")
        return pairs[0][0]
    return sizes.get("d")


def array_sizes(kind: str, parameters: dict, shapes: dict) -> dict[str, int]:
    """The number that each letter stands for; raises if a letter would stand for two."""
    sizes: dict[str, int] = {}
    for name, letters in shapes.items():
        shape = _shape(kind, name, parameters[name])
        if len(shape) != len(letters) or any(sizes.setdefault(c, n) != n for c, n in zip(letters, shape)):
            wanted = f"({', '.join(letters)})" + (f" with {sizes}" if sizes else "")
            raise InputError("E-MODEL", f"{name} of a {kind} must be {wanted}, got shape {shape}")
        if 0 in shape:
            raise InputError("E-MODEL", f"{name} of a {kind} must not be empty, got shape {shape}")
        if name in POSITIVE and not np.all(parameters[name] > 0):
            raise DomainError("E-POSITIVE", f"{name} of a {kind} must be greater than 0")
    return sizes


def widths(kind: str, name: str, layers) -> tuple[int, int]:
    """The numbers of inputs and outputs of a perceptron; raises if its layers do not fit together."""
    inputs = outputs = None
    for layer in _sequence(kind, name, layers):
        weights, bias = _pair(kind, name, layer)
        rows, *columns = _shape(kind, f"weights in {name}", weights) or (None,)
        if (
            len(columns) != 1
            or 0 in (rows, *columns)
            or _shape(kind, f"bias in {name}", bias) != (columns[0],)
            or outputs not in (None, rows)
        ):
            raise InputError(
                "E-MODEL",
                f"{name} of a {kind} must have layers ((W, b), ...), W (inputs, outputs), b (outputs,), each fitting "
                f"the last; got W {np.shape(weights)}, b {np.shape(bias)} after {outputs} outputs",
            )
        inputs, outputs = rows if inputs is None else inputs, columns[0]
    if inputs is None:
        raise InputError("E-MODEL", f"{name} of a {kind} must have at least one layer")
    return inputs, outputs


def _sequence(kind, name, value):
    if not isinstance(held(value), (tuple, list)):
        raise InputError("E-MODEL", f"{name} of a {kind} must be a tuple, got {type(value).__name__}")
    return value


def _pair(kind, name, layer):
    if len(_sequence(kind, f"each layer in {name}", layer)) != 2:
        raise InputError("E-MODEL", f"each layer in {name} of a {kind} must be a pair (W, b), got {len(layer)} parts")
    return layer


def _shape(kind, name, value):
    if isinstance(value, (tuple, list, str, dict)) or value is None:
        raise InputError("E-MODEL", f"{name} of a {kind} must be an array, got {type(value).__name__}")
    value = held(value)
    finite = np.isfinite(value)
    if not np.all(finite) and not (name == "logits" and np.all(finite | (value == -np.inf))):
        raise InputError("E-MODEL", f"{name} of a {kind} must be finite, not NaN or infinite; a logit may be -inf")
    return np.shape(value)
