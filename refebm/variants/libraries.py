"""What libraries compute otherwise than they say, in every function that calls it."""

import inspect

import refebm
from refebm.variants.record import CONVENTIONS, Everywhere

SOFTPLUS = "softplus is its argument from 20 on", "softplus", "softplus_linear_from_20", "torch's softplus"

for _name in refebm.__all__:
    _thing = getattr(refebm, _name)
    _methods = {_name: _thing} if inspect.isfunction(_thing) else {}
    if inspect.isclass(_thing):
        _methods = {f"{_name}.{one}": method for one, method in vars(_thing).items() if inspect.isfunction(method)}
    for _function, _definition in _methods.items():
        if "softplus" in inspect.unwrap(_definition).__code__.co_names:
            CONVENTIONS.append(Everywhere(_function, *SOFTPLUS))
