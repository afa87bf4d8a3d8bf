"""One script, one picture, one idea: ``python -m figures`` draws them all, ``python -m figures NAME ...`` some.

Each script has one function ``draw(size=1.0)`` that returns a matplotlib Figure; its docstring is the caption. A size
below 1 shortens the computation; the picture keeps its dimensions.
"""
