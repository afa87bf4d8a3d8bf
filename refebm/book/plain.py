r"""LaTeX as plain characters, for a terminal: \tfrac12 |s|^2 becomes ½ |s|². Commands without a sign stay words."""

import re

TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\s+|.")
BRACKET = re.compile(r"\\begin|\\end|[,;:]\s*\\(?: |q?quad\b)|\\.|[][(){}]", re.DOTALL)
INNER = re.compile(
    r" (?:[-+=<>]|\\(?:le|ge|ne|to|mapsto|sim|leftarrow|in|ll|gg|approx|cdot|times)) "
    r"|\\left.|\\right.|\\begin|\\end|\\[lr](?:vert|brace|floor|angle)|\\[{}|]|[][(){}|]"
)
OPENING = {
    *"([{|",
    r"\{",
    r"\|",
    r"\lvert",
    r"\lbrace",
    r"\lfloor",
    r"\langle",
    r"\left(",
    r"\left[",
    r"\left|",
    r"\begin",
}
CLOSED = {*")]}", r"\}", r"\rvert", r"\rbrace", r"\rfloor", r"\rangle", r"\right)", r"\right]", r"\right|", r"\end"}
LONG = 30  # characters
NARROW = ("Big", "Bigl", "Bigr", "big", "left", "right", "textstyle", "displaystyle", "limits")  # left out
WIDE = "\u2003"
NAMES = r"""
alpha α beta β gamma γ delta δ epsilon ε zeta ζ eta η theta θ kappa κ lambda λ mu μ nu ν xi ξ pi π rho ρ sigma σ tau τ
phi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Phi Φ Psi Ψ Omega Ω nabla ∇ partial ∂ int ∫
sum ∑ prod ∏ infty ∞ sim ∼ in ∈ notin ∉ le ≤ ge ≥ ne ≠ ll ≪ gg ≫ to → mapsto ↦ leftarrow ← Rightarrow ⇒ cdot · times ×
pm ± approx ≈ top ᵀ ell ℓ langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ dots … cdots ⋯ { { } } # # % % | ‖ \ ;
lvert | rvert | lbrace { rbrace }
"""
SYMBOLS = dict(zip(NAMES.split()[::2], NAMES.split()[1::2]))
SYMBOLS |= {"varphi": "φ", "mid": " | ", "quad": WIDE, "qquad": WIDE, ",": " ", " ": " ", ";": " ", "!": ""}
LETTERS = {"mathbb": dict(zip("ERN", "𝔼ℝℕ")), "mathcal": dict(zip("NU", "𝒩𝒰"))}
ACCENTS = {"hat": "\u0302", "bar": "\u0304", "overline": "\u0304", "dot": "\u0307", "ddot": "\u0308", "tilde": "\u0303"}
RAISED = dict(
    zip("0123456789+-=()abcdefghijklmnoprstuvwxyzTᵀβγδθφχ", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀᵀᵝᵞᵟᶿᵠᵡ")
)
LOWERED = dict(zip("0123456789+-=()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ"))
SHIFTED = {*RAISED.values(), *LOWERED.values()}
HALVES = {"1/2": "½", "1/4": "¼", "3/4": "¾", "1/3": "⅓", "2/3": "⅔", "1/8": "⅛", "3/8": "⅜"}
SIGNS = "+=−→←↦∈∉≤≥≠≪≫∼≈⇒±"


def plain(latex: str) -> str:
    """The formula in one line of plain characters."""
    text = _Reader(TOKEN.findall(latex.replace("&", " "))).all()
    text = re.sub(rf"\s*([{SIGNS}])\s*", r" \1 ", text)
    text = re.sub(rf"((?:^|[(\[{{,=|^/;:{SIGNS}])\s*)([−±+]) (?=\S)", _unary, text)
    text = re.sub(r"([∇∂Δ]) (?=\w)", r"\1", text)
    text = re.sub(r" +", " ", text.replace("\n", " "))
    return re.sub(r" ?([,;:]) ?(?=\S)", r"\1 ", text).replace(f" {WIDE}", WIDE).replace(WIDE, "   ").strip()


def _unary(match):
    before = match[1].rstrip() if match[1].rstrip()[-1:] in ("(", "[", "{", "^", "/", "|") else match[1]
    return before + match[2]


def clauses(latex: str) -> list[str]:
    """The parts of a formula between commas that are followed by a LaTeX space: each may stand on its own line."""
    parts, depth, last = [], 0, 0
    for token in BRACKET.finditer(latex):
        depth += (token[0].lstrip("\\") in {*"{[("}) - (token[0].lstrip("\\") in {*"}])"})
        depth += token[0].startswith(r"\begin") - token[0].startswith(r"\end")
        if token[0][0] in ",;:" and not depth:
            parts.append(latex[last : token.start() + 1])
            last = token.end()
    return [part for part in (*parts, latex[last:]) if part.strip()]


def broken(latex: str, level: int = 0) -> list[str]:
    """The parts of a formula between which its line may be broken: after operators in no brackets, of long parts also
    after those in one pair."""
    parts, open_brackets, last = [], [], 0
    for token in INNER.finditer(latex):
        sign = token[0]
        if sign in ("|", "\\|") and sign in open_brackets[-1:]:
            open_brackets.pop()
        elif sign in OPENING:
            open_brackets.append(sign)
        elif sign in CLOSED:
            while open_brackets and open_brackets.pop() in ("|", "\\|"):
                pass
        elif len(open_brackets) <= level and not {*open_brackets} - {"(", "["}:
            parts.append(latex[last : token.end()])
            last = token.end()
    parts = [part for part in (*parts, latex[last:]) if part.strip()]
    return (
        parts if level else [one for part in parts for one in (broken(part, 1) if len(plain(part)) > LONG else [part])]
    )


class _Reader:
    """A reader of tokens: groups in braces, arguments of commands, superscripts and subscripts."""

    def __init__(self, tokens):
        self.tokens = tokens[::-1]

    def all(self, until=""):
        parts = []
        while self.tokens:
            token = self.tokens.pop()
            if token == until:
                break
            parts.append(self.one(token))
        return "".join(parts)

    def one(self, token):
        if token == "{":
            return self.all("}")
        if token in "^_":
            return self.shifted(token, RAISED if token == "^" else LOWERED)
        if token == "-":
            return "−"
        if not token.startswith("\\"):
            return " " if token.isspace() else token
        return self.command(token[1:])

    def command(self, name):
        if name in SYMBOLS:
            return SYMBOLS[name]
        if name in NARROW:
            return ""
        if name in ("frac", "tfrac", "dfrac", "binom"):
            return self.fraction() if name != "binom" else f"binom({self.argument()}, {self.argument()})"
        if name in ("text", "operatorname", "mathrm", "texttt"):
            word = self.argument().replace("−", "‐" if name == "text" else "−")  # in text it is a hyphen, not a minus
            return word if name == "text" or not self.letter_follows() else word + " "
        if name == "sqrt":
            root = self.argument()
            return "√" + (root if len(root) == 1 else f"({root})")
        if name in LETTERS:
            letter = self.argument()
            return LETTERS[name].get(letter, letter) + (" " if self.letter_follows() else "")
        if name in ACCENTS:
            letter = self.argument()
            return letter + ACCENTS[name] if len(letter) == 1 else f"mean({letter})"
        if name in ("begin", "end"):
            self.argument()
            return "[" if name == "begin" else "]"
        return name + (" " if self.letter_follows() else "")  # log, exp, min, ...

    def letter_follows(self):
        rest = [token for token in self.tokens[::-1][:2] if not token.isspace()]
        return bool(rest) and (rest[0][-1].isalnum() or rest[0] == "{") and not rest[0].startswith(("\\,", "\\ "))

    def argument(self):
        while self.tokens and self.tokens[-1].isspace():
            self.tokens.pop()
        return self.one(self.tokens.pop()).strip() if self.tokens else ""

    def fraction(self):
        above, below = self.argument(), self.argument()
        return HALVES.get(f"{above}/{below}", f"{bracketed(above)}/{bracketed(below)}")

    def shifted(self, sign, characters):
        text = self.argument().replace("−", "-")
        if text in ("'", "*"):
            return text
        if all(character in characters for character in text):
            return "".join(characters[character] for character in text)
        text = text.replace("-", "−")
        alone = len(text) == 1 or (re.fullmatch(r"\w+", text) and not SHIFTED.intersection(text))
        return sign + (text if alone else f"({text})")


def bracketed(text: str) -> str:
    """The text in brackets, unless it is a single word, a number, a function's value, or in brackets already."""
    shifted = "".join(SHIFTED) + "\u0300-\u036f"
    word = rf"√?(?:\d+|(?!\d)[\w{shifted}]+)"
    simple = re.fullmatch(rf"{word}|(?:[^\W\d]+|√)?\([^()\s]*\)|√?\([^()]*\)|\|[^|]*\|[{shifted}]*", text)
    return text if simple else f"({text})"
