"""How a text is changed: Cosmic Ray's operators, one or two for each symbol, and those kinds that it lacks.

Cosmic Ray changes the file on disk, and so what `inspect.getsource` reads, for the patches of `refebm/variants`.
"""

import cosmic_ray.plugins
import parso
from cosmic_ray.operators.operator import Operator

SWAPS = {  # a name and what stands in for it
    "all": "any",
    "any": "all",
    "max": "min",
    "min": "max",
    "maximum": "minimum",
    "minimum": "maximum",
    "mean": "sum",
    "median": "mean",
    "abs": "real",
    "argmax": "argmin",
    "floor": "ceil",
    "isfinite": "isreal",
    "expm1": "exp",
    "log1p": "log",
    "isnan": "isinf",
}
OWN = "own"
CORE = (  # of Cosmic Ray's: the eleven ways of replacing an operator tell no more than one or two
    *(f"ReplaceBinaryOperator_{one}" for one in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Pow_Mul", "Mod_Add")),
    *(f"ReplaceBinaryOperator_{one}" for one in ("BitOr_BitAnd", "BitAnd_BitOr", "FloorDiv_Mul")),
    *(f"ReplaceComparisonOperator_{one}" for one in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_GtE", "Gt_LtE")),
    *(
        f"ReplaceComparisonOperator_{one}"
        for one in ("LtE_Gt", "GtE_Lt", "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")
    ),
    *("ReplaceUnaryOperator_Delete_USub", "ReplaceUnaryOperator_Delete_Not", "ReplaceUnaryOperator_Delete_Invert"),
    *("AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceBreakWithContinue", "NumberReplacer", "RemoveDecorator", "ZeroIterationForLoop"),
)


def parsed(text, node):
    """What stands in for a node, as far in as that was."""
    first = parso.parse(text).children[0]
    first.get_first_leaf().prefix = node.get_first_leaf().prefix
    return first


class RemoveStatement(Operator):
    """A call that stands alone, such as a check, is taken out; so is what an `if` without `else` guards."""

    def mutation_positions(self, node):
        if node.type == "simple_stmt" and node.children[0].type in ("atom_expr", "raise_stmt"):
            yield node.start_pos, node.end_pos

    def mutate(self, node, index):
        return parsed("pass\n", node)

    @classmethod
    def examples(cls):
        return ()


class SwapName(Operator):
    """One function of arrays for another."""

    def mutation_positions(self, node):
        if node.type == "name" and node.value in SWAPS and not node.is_definition():
            yield node.start_pos, node.end_pos

    def mutate(self, node, index):
        node.value = SWAPS[node.value]
        return node

    @classmethod
    def examples(cls):
        return ()


class LargestEntry(Operator):
    """The largest entry in the place of each: where `np.abs(...)` is an array that is looked at entry by entry."""

    def mutation_positions(self, node):
        inside = node.get_first_leaf().get_previous_leaf()
        largest = inside and inside.value == "(" and inside.get_previous_leaf().value == "max"  # of which it is taken
        if node.type == "atom_expr" and node.get_code(False).startswith("np.abs(") and not largest:
            yield node.start_pos, node.end_pos

    def mutate(self, node, index):
        return parsed(f"np.max({node.get_code(False)})", node)

    @classmethod
    def examples(cls):
        return ()


class Provider(dict):
    """What `cosmic_ray.plugins` asks for an operator by its name."""


cosmic_ray.plugins.OPERATOR_PROVIDERS[OWN] = Provider(
    {operator.__name__: operator for operator in (RemoveStatement, SwapName, LargestEntry)}
)
OPERATORS = (
    *(f"core/{name}" for name in CORE),
    *(f"{OWN}/{name}" for name in cosmic_ray.plugins.OPERATOR_PROVIDERS[OWN]),
)
