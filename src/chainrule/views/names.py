"""Names of quantities as mathematics, one to one."""

from __future__ import annotations

import unicodedata

_GREEK = frozenset(
    ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
     "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
     "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi",
     "Sigma", "Upsilon", "Phi", "Psi", "Omega")
)  # fmt: skip
_ACCENTS = {"hat": r"\hat", "bar": r"\bar", "tilde": r"\tilde"}
_COMBINING = {"\u0302": r"\widehat", "\u0304": r"\overline", "\u0303": r"\widetilde"}


def name_latex(name: str) -> str:
    r"""A quantity's name as mathematics, one to one: W1 → W_{1}, W_1 → W_{(1)}, yhat → \hat{y}, x_t → x_{t}.

    The entry W[3] of an array is written as such.

    >>> name_latex("W1"), name_latex("W_1"), name_latex("yhat2"), name_latex("logits"), name_latex("W_hh")
    ('W_{1}', 'W_{(1)}', '\\hat{y}_{2}', '\\mathrm{logits}', 'W_{\\mathrm{hh}}')
    """
    if name.endswith("]"):
        array, _, place = name[:-1].partition("[")
        return rf"{name_latex(array)}\left[{place}\right]"
    stem, *parts = name.split("_")
    if not stem:
        return r"\mathrm{" + name.replace("_", r"\_") + "}"
    base, digits = numbered(stem)
    below = [digits] if digits else []
    below += [f"({part})" if part.isdecimal() else name_latex(part) if part else r"\_" for part in parts]
    return _stem(base) + (f"_{{{','.join(below)}}}" if below else "")


def numbered(word: str) -> tuple[str, str]:
    """A word and the number at its end: ("W", "12") for W12; digits alone are a word."""
    base = word.rstrip("0123456789")
    return (base, word[len(base) :]) if base else (word, "")


def _stem(base: str) -> str:
    for word, accent in _ACCENTS.items():
        if base.endswith(word) and len(base) > len(word):
            return f"{accent}{{{_stem(base[: -len(word)])}}}"
    parts = unicodedata.normalize("NFD", base)
    if len(parts) == 2 and parts[1] in _COMBINING:
        return f"{_COMBINING[parts[1]]}{{{parts[0]}}}"
    if base in _GREEK:
        return f"\\{base}"
    return base if len(base) == 1 else rf"\mathrm{{{base}}}"
