r"""Mathematics within prose, as LaTeX: in "the score of p^sigma" it finds p^{\sigma}.

Docstrings are read on terminals too, so their prose writes formulas in plain characters. Here the longest stretches
that parse as a formula are found in it. Words, and what might be no formula, stay as they are: E is a letter in
"E(x) = 0", an expectation in "E[x]", and neither in "E-SHAPE" or "appendix E".
"""

import re

GREEK = """alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi omega ell
Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"""  # not Gamma, which is a density
UPRIGHT, DIFFERENTIALS = "std KL JS TV DSM ISM", "dt dx dy dz dw du dp dl dH"
BRACKETED = "erf erfc sign sigmoid softplus logit"  # functions whose argument is in brackets
NAMED, OTHERS = "log exp cos sin cosh sinh tanh arctan det max min sup lim", "div tr diag Cov Var"
SYMBOLS = {name: f"\\{name}" for name in GREEK.split()} | {"eps": r"\epsilon", "dphi": r"d\phi", "dsigma": r"d\sigma"}
SYMBOLS |= {name: rf"\text{{{name}}}" for name in UPRIGHT.split()} | {name: name for name in DIFFERENTIALS.split()}
APPLIED = {name: f"\\{name}" for name in NAMED.split()}
APPLIED |= {name: rf"\operatorname{{{name}}}" for name in [*OTHERS.split(), *BRACKETED.split()]}
APPLIED |= {"grad": r"\nabla", "Lap": r"\Delta", "Laplacian": r"\Delta", "int": r"\textstyle\int"}
SUMS = {"sum": r"\textstyle\sum", "prod": r"\textstyle\prod", "int": r"\textstyle\int", "mean": r"\operatorname{mean}"}
KNOWN = {*SYMBOLS, *APPLIED, *SUMS}
INDEXED = {*SYMBOLS, *SUMS, "grad", "max", "min", "sup", "lim"}  # what follows their underscore is an index
WORDS = {"infinity": r"\infty", "inf": r"\infty"}  # symbols after an operator alone
SIGNS = {"<=": r"\le", ">=": r"\ge", "!=": r"\ne", "->": r"\to", "<-": r"\leftarrow", "<<": r"\ll", ">>": r"\gg"}
SIGNS |= {"~": r"\sim", "*": r"\cdot", ".": r"\cdot", "in": r"\in", "|": r"\mid", "||": r"\parallel"}
CLOSING = {"(": ")", "[": "]", "{": "}"}
WRITTEN = {"{": r"\lbrace ", "}": r" \rbrace"}  # not \{, of which Markdown takes the backslash away

BEGIN = re.compile(r"(?<![\w.\-/^|)\]'@#&*\\<>=+~])(?=[-+]?[A-Za-z\d|(\[{])")
PLACE = re.compile(r"(?:appendix|section|table|algorithm|eqs?\.)\s$", re.IGNORECASE)  # precedes a letter of a text
END = re.compile(r"(?![\w^(\[{@/]|_\w|[-.][A-Za-z\d]|'[A-Z]|\*[*\w(])")
SURE = re.compile(r"[\\^_=+<>]|\bd?[A-Za-z]\b")  # of what is left without words
VAGUE = re.compile(r"\\text(?:tt)?\{\w+\}|\\[lr]vert")
CALL = re.compile(r"[A-Za-z_][\w.]*\(")
CODE = re.compile(r"([a-z]{2,})(?:_[a-z]+)+(?!\w)")
WORD = re.compile(r"[A-Za-z]+(?![A-Za-z]|\d\w|\d?\.[A-Za-z]\.| method)")
TEXT = re.compile(r"[a-z]{2,}(?=[),;|^]|\.?$|\. |/| [-+=<>]=? )")  # such as scale in (x - loc)/scale
HYPHEN = re.compile(r"-([A-Za-z]{2,})")  # as in v-prediction
HALVES = re.compile(r"([1-9])/([2-9])(?![\w./])")
NUMBER = re.compile(r"(\d+(?:\.\d+)?)(?:e(-?\d+))?(?![A-Za-z]{2}|[A-Za-z]?[\d_]|\.\d)")
SPACED = re.compile(r" (<-|<=|>=|!=|->|\|\||<<|>>|[-+=<>/~*|.]|in(?= (?:[(\[{]|R\^))) (?=\S)")
TIGHT = re.compile(r"/(?=[\w(\[|])|\.(?=[A-Za-z(\[])")
WITHIN = re.compile(r"<=|>=|[-+=<>](?=[\w(|])|\|(?=\w)")  # in brackets alone: elsewhere a hyphen may be meant
DOTS = re.compile(r", \.\.\.(, )?")
TIMES = re.compile(r" x ([\w/^]+)(?![\w/^])")  # as in d x d
SUBSCRIPT = re.compile(r"_([A-Za-z]+\d?|\d+)(?!\w)")
INDICES = re.compile(r"[A-Za-z]?\d*|[ijkl]{2}|[a-z]\d")
SUPERSCRIPT = re.compile(r"\^(-?)(\d+|[A-Za-z]+|\*)(?![A-Za-z\d])")
EXPECTED = re.compile(r"(?:_(?:\w+|\{[^}]*\}))? ?(?:[|\[]|sum_)")
NUMERIC = re.compile(r"[\^_'/(]| [-+=<>/] |\)|\]")  # what follows an a that is no article


class NoFormula(Exception):
    """The text does not go on as a formula."""


def typeset(text: str) -> list[str]:
    """The text in parts: prose, the LaTeX of a formula, prose, ..., prose."""
    parts, last, read = [], 0, 0
    for begin in BEGIN.finditer(text):
        i = begin.start()
        if i < read:
            continue
        if found := _formula(text, i):
            parts += [text[last:i], found[0]]
            last = read = found[1]
        elif call := CALL.match(text, i):  # such as energy(x), all of which is code
            read = _closed(text, call.end() - 1)
    return [*parts, text[last:]]


def _closed(text, i):
    """The place after the bracket that closes the one at i."""
    depth = 0
    for j in range(i, len(text)):
        depth += (text[j] in "([{") - (text[j] in ")]}")
        if not depth:
            return j + 1
    return i + 1


def _formula(text, i):
    """The longest formula that begins at i, as LaTeX, and the place after it; None if there is none for certain."""
    try:
        latex, end = _Reader(text, i).sum(i, "")
    except NoFormula:
        return None
    code = _code(text, i)
    if not END.match(text, end) or PLACE.search(text[:i]) or (code and not SPACED.match(text, code.end())):
        return None
    sure = text[i:end] not in ("a", "A", "I") and SURE.search(VAGUE.sub("", latex))
    return (latex, end) if sure else None


def _code(text, i):
    """A name with underscores that is no symbol with an index."""
    code = CODE.match(text, i)
    return code if code and code[1] not in INDEXED else None


class _Reader:
    """A parser by recursive descent: its methods take a place in the text and return LaTeX and the place after it.

    `first` is where the formula begins, `within` the bracket that is open, if any.
    """

    def __init__(self, text, first):
        self.text, self.first = text, first

    def at(self, i):
        return self.text[i : i + 1]

    def sum(self, i, within):
        """Terms with operators between them, or with spaces, which multiply."""
        latex, i = (self.operand if within else self.signed)(i, within)
        while True:
            try:
                more, i = self.further(i, within)
            except NoFormula:
                return latex, i
            latex += more

    def further(self, i, within):
        if dots := DOTS.match(self.text, i):
            if not dots[1] or self.is_tuple(dots.end()):
                return r", \ldots", dots.end() - len(dots[1] or "")
            latex, end = self.signed(dots.end(), within)
            return rf", \ldots, {latex}", end
        times = TIMES.match(self.text, i)
        if times and re.search(rf"(?<![\w/^]){re.escape(times[1])}$", self.text[:i]):
            latex, end = self.factor(i + 3, within)
            return rf" \times {latex}", end
        if sign := self.operator(i, within):
            latex, end = self.operand(sign.end(), within)
            sign = sign[0].strip()
            return f"{sign}{latex}" if sign == "/" else f" {SIGNS.get(sign, sign)} {latex}", end
        if self.at(i) != " " or self.is_tuple(i + 1) or (i == self.first + 1 and self.at(i + 1).isdigit()):
            raise NoFormula
        latex, end = self.factor(i + 1, within)
        return f" {latex}", end

    def operator(self, i, within):
        """An operator that has its two terms: a bar is one only in brackets, of which it is none itself."""
        sign = SPACED.match(self.text, i) or TIGHT.match(self.text, i) or (within and WITHIN.match(self.text, i))
        bar = sign and sign[0].strip() == "|" and within in ("", "|")
        shape = sign and sign[0] == " in " and self.at(i - 1) == ")"  # in "u (n, d) in (0, 1)" it is u that is meant
        return None if bar or shape else sign

    def operand(self, i, within):
        """What follows an operator or a bracket: also a word, if it must be a name by what follows it."""
        if self.text.startswith("...", i):
            return r"\dots", i + 3
        word = TEXT.match(self.text, i)
        if word and word[0] not in {*SYMBOLS, *APPLIED}:
            return self.followed(WORDS.get(word[0], rf"\text{{{word[0]}}}"), word.end())
        return self.signed(i, within)

    def signed(self, i, within):
        sign = self.at(i) if self.at(i) in ("-", "+") else ""
        latex, i = self.factor(i + len(sign), within)
        return sign + latex, i

    def is_tuple(self, i):
        """Whether a shape or an interval begins here: brackets with a comma that is in no inner ones."""
        if self.at(i) not in ("(", "["):
            return False
        inside = self.text[i + 1 : _closed(self.text, i) - 1]
        while inside != (inside := re.sub(r"[(\[{][^(\[{)\]}]*[)\]}]", "", inside)):
            pass
        return "," in inside

    def factor(self, i, within):
        """A number, a symbol, a function's value, or brackets, with what is attached to it."""
        sign = self.at(i)
        if halves := HALVES.match(self.text, i):
            return rf"\tfrac{halves[1]}{halves[2]}", halves.end()
        if number := NUMBER.match(self.text, i):
            return self.number(number, within)
        if sign == "|" and within != "|":
            latex, i = self.sum(i + 1, "|")
            if self.at(i) != "|":
                raise NoFormula
            more, i = self.attached(i + 1)
            return rf"\lvert {latex} \rvert{more}", i
        if sign == "." and self.at(i + 1) == "|":  # any argument, as in p(.|x)
            return r"\cdot", i + 1
        if sign in CLOSING:
            return self.followed(*self.brackets(i))
        if name := _code(self.text, i):
            return self.followed(rf"\texttt{{{name[0]}}}", name.end())
        return self.word(i, within)

    def followed(self, latex, i):
        more, i = self.attached(i)
        return latex + more, i

    def number(self, number, within):
        latex, end = number[1], number.end()
        if number[2]:
            return rf"{latex} \cdot "[: -8 if latex == "1" else None].removeprefix("1") + f"10^{{{number[2]}}}", end
        if self.at(end).isalpha() and within:  # 2T
            more, end = self.word(end, within)
            return f"{latex} {more}", end
        if not within and re.match("-?[A-Za-z]", self.text[end:]):  # 2-D
            raise NoFormula
        if self.text[end : end + 2] == "+)":  # a limit from above
            return f"{latex}^+", end + 1
        return self.followed(latex, end)

    def brackets(self, i):
        """A list in brackets."""
        opening = self.at(i)
        latex, i = WRITTEN.get(opening, opening), i + 1
        while True:
            part, i = self.sum(i, opening)
            latex += part
            if separator := re.match(r"[,;:] ?", self.text[i:]):
                latex, i = latex + separator[0], i + separator.end()
            if self.at(i) == CLOSING[opening]:
                return latex + WRITTEN.get(self.at(i), self.at(i)), i + 1
            if not separator:
                raise NoFormula

    def word(self, i, within):
        """A symbol, a function's value, a sum."""
        word = WORD.match(self.text, i)
        if not word:
            raise NoFormula
        name, end = word[0], word.end()
        hyphen = HYPHEN.match(self.text, end)
        if hyphen and not (within and hyphen[1] in SYMBOLS):
            raise NoFormula
        if name == "sqrt" and self.at(end) == "(":
            latex, end = self.brackets(end)
            return self.followed(rf"\sqrt{{{latex[1:-1]}}}", end)
        if name in SUMS and self.at(end) == "_":
            return self.followed(SUMS[name], end)
        if name in APPLIED:
            return self.applied(name, end, within)
        if name == "Gamma" and self.at(end) == "(" and not self.is_tuple(end):
            return self.followed(r"\Gamma", end)
        if (len(name) > 1 and name not in SYMBOLS) or (name in ("a", "A", "I") and self.is_article(i, end)):
            raise NoFormula
        return self.letter(name, end, within)

    def letter(self, name, end, within):
        """A symbol; E, N and R may be the expectation, the normal law, and the numbers."""
        if self.at(end).isdigit():  # t0 for t_0
            if not within:
                raise NoFormula
            return self.followed(f"{name}_{self.at(end)}", end + 1)
        if re.match("~[_(]", self.text[end:]):
            return self.followed(rf"\tilde {name}", end + 1)
        if name == "E" and (expected := EXPECTED.match(self.text, end)) and not (within == expected[0][-1] == "|"):
            more, end = self.attached(end)
            bars, end = self.factor(end, within) if self.at(end) == "|" else ("", end)
            return rf"\mathbb E{more}{bars}", end
        if name == "N" and self.at(end) == "(":
            return self.followed(r"\mathcal N", end)
        if name == "R" and re.match(r"\^[^T]", self.text[end:]):
            return self.followed(r"\mathbb R", end)
        return self.followed(SYMBOLS.get(name, name), end)

    def is_article(self, i, end):
        """Whether an a, A or I is a word, not a number or a matrix."""
        if NUMERIC.match(self.text, end) or self.text[i - 1 : i] in [*"-/([{|^_+"]:
            return False
        further = re.match(r" ([A-Za-z]{2,})", self.text[end:])
        return i == self.first or bool(further and further[1] not in KNOWN)

    def applied(self, name, i, within):
        """A function with its argument, in brackets or after a space."""
        more, end = self.attached(i)
        if {*more} & {")", "]"}:
            return APPLIED[name] + more, end
        gap = self.at(end) == " "
        if name in BRACKETED.split() or self.is_tuple(end + gap) or not (gap or self.at(end) == "|"):
            raise NoFormula
        argument, end = self.factor(end + gap, within)
        return f"{APPLIED[name]}{more} {argument}", end

    def attached(self, i):
        """Indices, powers, primes and arguments."""
        latex = ""
        while True:
            if self.at(i) and self.at(i) in "_^" and self.at(i + 1) in CLOSING:
                inner, end = self.brackets(i + 1)
                inner = re.sub(r"\\tfrac(.)(.)", r"\1/\2", inner)
                inner = inner[8:-8] if inner.startswith("\\") else re.sub(r"^\((-?\d/\d)\)$", r"\1", inner)
                latex, i = f"{latex}{self.at(i)}{{{inner}}}", end
            elif sub := SUBSCRIPT.match(self.text, i):
                index = sub[1] if INDICES.fullmatch(sub[1]) else rf"\text{{{sub[1]}}}"
                latex, i = f"{latex}_{{{SYMBOLS.get(sub[1], index)}}}", sub.end()
            elif power := SUPERSCRIPT.match(self.text, i):
                if not (len(power[2]) == 1 or power[2].isdigit() or power[2] in SYMBOLS):
                    raise NoFormula
                name = r"\top" if power[2] == "T" else SYMBOLS.get(power[2], power[2])
                latex, i = f"{latex}^{{{power[1]}{name}}}", power.end()
            elif mark := re.match(r"'(?![A-Za-z])|\*(?![\w(*])", self.text[i:]):
                latex, i = latex + mark[0].replace("*", "^*"), i + 1
            elif self.at(i) in ("(", "["):
                inner, i = self.brackets(i)
                latex += inner
            else:
                return latex, i
