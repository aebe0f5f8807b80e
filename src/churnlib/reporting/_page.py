"""The page: one self-contained HTML file made from a record of plain numbers."""

from __future__ import annotations

import json
from typing import Any

import jinja2
from markupsafe import Markup

from churnlib.reporting import _charts, _numbers
from churnlib.reporting._words import words_of

__all__ = ["render"]


def render(record: dict[str, Any]) -> str:
    """Write the page for a record.

    Parameters
    ----------
    record : dict
        What `Report.to_dict` returns: every number on the page, and nothing else.

    Returns
    -------
    str
        HTML with its style, its pictures and the record itself inside; the same
        record gives the same bytes.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("churnlib.reporting", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    for name in ("count", "day", "decimal", "instant", "money", "number", "percent"):
        environment.filters[name] = getattr(_numbers, name)
    loader = environment.loader
    assert loader is not None
    css = loader.get_source(environment, "page.css")[0]
    return environment.get_template("page.html.j2").render(
        r=record,
        words=words_of(record),
        charts=_draw(record),
        css=Markup(css.rstrip("\n")),  # noqa: S704  # our own file
        data=_data_block(record),
    )


def _draw(record: dict[str, Any]) -> dict[str, Markup | None]:
    profit = None
    if record["profit_curve"] is not None:
        today = record["today"]
        profit = _charts.profit_chart(record["profit_curve"], today["contacts"], today["gain"], record["currency"])
    return {
        "gain": _charts.gain_chart(record["gain_curve"], record["test"]["rule"]),
        "reliability": _charts.reliability_chart(record["reliability"]),
        "churn": _charts.churn_chart(record["cutoffs"]),
        "profit": profit,
    }


def _data_block(record: dict[str, Any]) -> Markup:
    """JSON that cannot leave its element: `<`, `>` and `&` are written as escapes."""
    text = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    for sign, code in (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e")):
        text = text.replace(sign, code)
    return Markup(text)  # noqa: S704  # the three signs that end an element are gone
