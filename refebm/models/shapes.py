"""What the parameters of a model look like: shapes by letters, networks by their widths, d read off them."""

import autograd.numpy as np

from refebm.glossary import InputError

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
    "autoregressive": {"shift": "d", "shift_weights": "dd", "log_scale": "d", "log_scale_weights": "dd"},
}


def dimension(kind: str, parameters: dict) -> int:
    """d of a model made of arrays and networks. Errors: E-MODEL where shapes do not fit, or a parameter is NaN."""
    sizes = array_sizes(kind, parameters, SHAPES.get(kind, {}))
    if "layers" in parameters:
        inputs, outputs = widths(kind, parameters["layers"])
        d = inputs - (kind == "noise_conditional")
        if outputs != (1 if kind == "mlp_energy" else d):
            raise InputError("E-MODEL", f"the layers of a {kind} with d = {d} have {outputs} outputs")
        return d
    if "couplings" in parameters:
        pairs = [widths(kind, layers) for layers in _sequence(kind, "couplings", parameters["couplings"])]
        if not pairs or any(pair != (pairs[0][0], 2 * pairs[0][0]) for pair in pairs):
            raise InputError("E-MODEL", f"each coupling of a {kind} must go from d to 2 d, got {pairs}")
        return pairs[0][0]
    return sizes["d"]


def array_sizes(kind: str, parameters: dict, shapes: dict) -> dict[str, int]:
    """What each letter stands for; the same everywhere."""
    sizes: dict[str, int] = {}
    for name, letters in shapes.items():
        shape = _shape(kind, name, parameters[name])
        if len(shape) != len(letters) or any(sizes.setdefault(c, n) != n for c, n in zip(letters, shape)):
            wanted = f"({', '.join(letters)})" + (f" with {sizes}" if sizes else "")
            raise InputError("E-MODEL", f"{name} of a {kind} must be {wanted}, got shape {shape}")
    return sizes


def widths(kind: str, layers) -> tuple[int, int]:
    """Inputs and outputs of a perceptron whose layers fit together."""
    inputs = outputs = None
    for layer in _sequence(kind, "layers", layers):
        weights, bias = _pair(kind, layer)
        rows, *columns = _shape(kind, "weights", weights) or (None,)
        if len(columns) != 1 or _shape(kind, "bias", bias) != (columns[0],) or outputs not in (None, rows):
            raise InputError(
                "E-MODEL",
                f"layers of a {kind} must be ((W, b), ...), W (inputs, outputs), b (outputs,), each fitting the last; "
                f"got W {np.shape(weights)}, b {np.shape(bias)} after {outputs} outputs",
            )
        inputs, outputs = rows if inputs is None else inputs, columns[0]
    if inputs is None:
        raise InputError("E-MODEL", f"a {kind} has at least one layer")
    return inputs, outputs


def _sequence(kind, name, value):
    if hasattr(value, "dtype") or not hasattr(value, "__len__"):
        raise InputError("E-MODEL", f"{name} of a {kind} must be a tuple, got {type(value).__name__}")
    return value


def _pair(kind, layer):
    if len(_sequence(kind, "each layer", layer)) != 2:
        raise InputError("E-MODEL", f"each layer of a {kind} must be a pair (W, b), got {len(layer)} parts")
    return layer


def _shape(kind, name, value):
    if isinstance(value, (list, str, dict)) or value is None:
        raise InputError("E-MODEL", f"{name} of a {kind} must be an array, got {type(value).__name__}")
    if np.any(np.isnan(value)) or np.any(np.isinf(value) & ((name != "logits") | (value > 0))):
        raise InputError("E-MODEL", f"{name} of a {kind} must be finite, not NaN or infinite; a logit may be -inf")
    return np.shape(value)
