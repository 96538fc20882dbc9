"""Owns how the cells and labels of a table are spelled in plain text, Markdown, HTML and LaTeX."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import NamedTuple

from typedxp.results.analysis.rounding import Rounded


class Style(NamedTuple):
    """How cells are spelled, the best of them marked, and any text made harmless."""

    spell: Callable[[Rounded], str]
    emphasize: Callable[[str], str]
    label: Callable[[str], str]
    missing: str = "–"  # noqa: RUF001  # as tables have it


def _spell(shown: Rounded) -> str:
    pair = f"{shown.mean} ± {shown.spread}" if shown.spread else shown.mean
    if not shown.exponent:
        return pair
    return f"({pair})e{shown.exponent}" if shown.spread else f"{pair}e{shown.exponent}"


def _spell_latex(shown: Rounded) -> str:
    mean = shown.mean.replace("inf", r"\infty")
    pair = rf"{mean} \pm {shown.spread}" if shown.spread else mean
    if shown.exponent:
        pair = rf"{f'({pair})' if shown.spread else pair} \times 10^{{{shown.exponent}}}"
    return f"${pair}$"


_MARKDOWN_SIGNS = {ord(sign): f"\\{sign}" for sign in "\\|*`<"}
_LATEX_SIGNS = {ord(sign): f"\\{sign}" for sign in "&%$#_{}"} | {
    ord("~"): r"\textasciitilde{}",
    ord("^"): r"\textasciicircum{}",
    ord("\\"): r"\textbackslash{}",
    ord("|"): r"\textbar{}",
    ord("<"): r"\textless{}",
    ord(">"): r"\textgreater{}",
    # Beginning a line of a table, a bracket would be taken for the argument of the line before.
    ord("["): "{[}",
    ord("]"): "{]}",
}

TEXT = Style(_spell, "{}*".format, str)
HTML = Style(_spell, "<b>{}</b>".format, html.escape)
MARKDOWN = Style(_spell, "**{}**".format, lambda text: text.translate(_MARKDOWN_SIGNS))
LATEX = Style(
    _spell_latex,
    lambda cell: rf"$\mathbf{{{cell[1:-1]}}}$",
    lambda text: text.translate(_LATEX_SIGNS),
    "--",
)


def one_line(text: str) -> str:
    """Return a text on one line."""
    # What is not printable could hide in a file, or end a line of it.
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
