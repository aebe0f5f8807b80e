"""A model card in words: the same sections for Markdown and HTML."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

__all__ = ["Section", "Table", "sections_of", "title_of", "to_html", "to_markdown"]

Record = dict[str, Any]
_MISSING = "–"
_DIRECTIONS = {1: "may only rise", -1: "may only fall", 0: ""}


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """A table of texts.

    Parameters
    ----------
    header : tuple of str
        Headings.
    rows : tuple of tuple of str
        Cells.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """A part of the card.

    Parameters
    ----------
    title : str
        Its heading.
    paragraphs : tuple of str
        Sentences.
    tables : tuple of Table
        Numbers.
    bullets : tuple of str
        A list.
    """

    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    bullets: tuple[str, ...] = ()


def title_of(record: Record) -> str:
    """Return the first line of a card.

    Parameters
    ----------
    record : dict
        The card's numbers.

    Returns
    -------
    str
        Its name.
    """
    return str(record["name"] or "Churn model")


def sections_of(record: Record) -> tuple[Section, ...]:
    """Write every sentence of a card from its numbers.

    Parameters
    ----------
    record : dict
        The card's numbers.

    Returns
    -------
    tuple of Section
        In the order of the card.
    """
    parts = (
        _predicts,
        _data,
        _columns,
        _model,
        _tuning,
        _calibration,
        _tested,
        _monotone,
        _decision,
        _drift,
        _evaluation,
        _limits,
    )
    return tuple(section for part in parts if (section := part(record)) is not None)


def _number(value: Any) -> str:
    return _MISSING if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _count(value: Any) -> str:
    return _MISSING if value is None else f"{value:,}"


def _percent(value: Any) -> str:
    return _MISSING if value is None else f"{value:.1%}"


def _fixed(value: Any) -> str:
    return _MISSING if value is None else f"{value:.4f}"


def _interval(spread: Record, show: Callable[[Any], str]) -> str:
    if spread["low"] is None:
        return f"{show(spread['value'])} (no interval)"
    return f"{show(spread['value'])} ({show(spread['low'])} to {show(spread['high'])})"


def _day(instant: str | None) -> str:
    return _MISSING if instant is None else instant.removesuffix("+00:00").removesuffix("T00:00:00")


def _lost(record: Record, churned: str) -> str:
    """Return a word for churn, or what it is in a model of one cause: the others count as kept."""
    cause = record["data"]["cause"]
    return churned if cause is None else f"lost to the cause {cause!r}"


def _predicts(record: Record) -> Section:
    texts = [f"It states {record['predicts']}."]
    if record["window"] is not None:
        texts.append(f"Window: {record['window']}.")
    for key, label in (("intended_use", "Intended use"), ("data_licence", "Licence of the data")):
        texts.append(f"{label}: {record[key] or 'not stated'}")
    return Section("What it predicts", tuple(texts))


def _data(record: Record) -> Section:
    data, base = record["data"], record["base_rate"]
    whose = "" if data["customers"] is None else f" of {_count(data['customers'])} customers"
    when = "; the rows do not say as of when"
    if data["first_cutoff"] is not None:
        when = f" as of {_day(data['first_cutoff'])} to {_day(data['last_cutoff'])} ({data['cutoffs']} cutoffs)"
    lost = _lost(record, "churned") if data["cause"] is None else f"were {_lost(record, '')}"
    text = f"Fitted on {_count(data['rows'])} rows{whose}{when}, of which {_count(data['churned'])} {lost}."
    rate = f"Base rate {_interval(base, _percent)}, 95 % interval with customers as draws."
    if base["lowest_at_a_cutoff"] is not None:
        low, high = base["lowest_at_a_cutoff"], base["highest_at_a_cutoff"]
        rate += f" From cutoff to cutoff it went from {_percent(low)} to {_percent(high)}."
    return Section("What it was fitted on", (text, rate))


def _columns(record: Record) -> Section:
    rows = []
    for column in record["columns"]:
        quantiles = column["quantiles"]
        if column["role"] == "category":
            held = f"{_count(column['categories'])} categories"
            if column.get("common"):
                held += ": " + ", ".join(f"{text} {_percent(share)}" for text, share in column["common"].items())
        else:
            held = _range(quantiles)
        rows.append(
            (column["name"], column["role"], _percent(column["missing"]), held, _DIRECTIONS[column["monotone"]])
        )
    note = (
        "Ranges reach from the 1 % to the 99 % quantile, rounded to three digits, or to the outermost decile beyond "
        "which there are ten customers: the extremes of a column would each be one customer's own value."
    )
    header = ("column", "role", "missing", "range or categories", "with it, the risk")
    return Section("Columns", (note,), (Table(header, tuple(rows)),))


def _range(quantiles: list[float | None] | None) -> str:
    known = [value for value in quantiles or [] if value is not None]
    return f"{_number(known[0])} to {_number(known[-1])}" if known else _MISSING


def _model(record: Record) -> Section:
    model = record["model"]
    given = tuple((name, str(value)) for name, value in model["parameters"].items() if value is not None)
    versions = ", ".join(f"{name} {version}" for name, version in model["versions"].items())
    text = f"{model['estimator']} of {model['module']}, seed {model['seed']}. Fitted with {versions}."
    return Section("Model", (text,), (Table(("parameter", "value"), given),) if given else ())


def _tuning(record: Record) -> Section | None:
    tuning = record["tuning"]
    if not tuning["report"]:
        return None
    text = (
        f"Tuning (asked for: {tuning['asked']}) compared {len(tuning['report'])} models out of fold; improvements are "
        "over the first, standard errors take customers as draws."
    )
    return Section("How the model was chosen", (text,), (_report(tuning["report"]),))


def _calibration(record: Record) -> Section:
    calibration = record["calibration"]
    text = f"Chosen: {calibration['chosen']} (asked for: {calibration['asked']})."
    return Section("Calibration", (text,), (_report(calibration["report"]),) if calibration["report"] else ())


def _report(rows: list[Record]) -> Table:
    header = tuple(rows[0])
    shown = {"chosen": lambda value: "chosen" if value else "", "parameters": _settings}
    return Table(
        tuple(name.replace("_", " ") for name in header),
        tuple(tuple(shown.get(name, _cell)(row[name]) for name in header) for row in rows),
    )


def _settings(value: Any) -> str:
    if not isinstance(value, dict):
        return _cell(value)
    set_to = {name: entry for name, entry in value.items() if entry is not None}
    return ", ".join(
        f"{name}={_number(entry) if isinstance(entry, float) else entry}" for name, entry in set_to.items()
    )


def _cell(value: Any) -> str:
    return _fixed(value) if isinstance(value, float) or value is None else str(value)


def _tested(record: Record) -> Section:
    found = record["out_of_fold"]
    if found is None:
        text = (
            "Nothing was judged out of fold: without calibration and with nothing to compare no fold is needed, and "
            "too few churners make none."
        )
        return Section("How good it is, out of fold", (text,))
    rows = (
        ("log-loss", _interval(found["log_loss"], _fixed)),
        ("AUC", _interval(found["auc"], _fixed)),
        ("mean probability stated", _percent(found["predicted"])),
        (f"share {_lost(record, 'that churned')}", _percent(found["observed"])),
    )
    folds = record["folds"]
    text = (
        f"Rows were held out in {folds['number']} folds, {folds['how']}. "
        f"On {_count(found['n_rows'])} rows of {_count(found['n_customers'])} customers that neither the model nor its "
        "calibration had seen; 95 % intervals with customers as draws."
    )
    return Section("How good it is, out of fold", (text,), (Table(("", "value (interval)"), rows),))


def _monotone(record: Record) -> Section | None:
    if not record["monotone"]:
        return None
    rows = tuple(
        (one["column"], _DIRECTIONS[one["sign"]], _count(one["steps"]), _count(one["violations"]))
        for one in record["monotone"]
    )
    text = (
        "Each column was moved through its quantiles in rows of the fit, everything else as it was, through the "
        "calibration. Missing values have no place in the order."
    )
    header = ("as it grows", "the risk", "steps tried", "violations")
    return Section("Monotone constraints", (text,), (Table(header, rows),))


def _decision(record: Record) -> Section | None:
    decision = record["decision"]
    if decision is None:
        return None
    offer = ", ".join(f"{name} {_settings(value)}" for name, value in decision["offer"].items())
    texts = [
        f"Offer: {offer}.",
        f"Rule: {decision['formula']} (p probability, d offer cost, f contact cost, g mean accept rate).",
    ]
    if decision["kind"] == "by column":
        texts.append("Every customer has a threshold of their own, from a column of the rows that are scored.")
    elif decision["never_pays"] == 1:
        texts.append("This offer never pays: not even a certain churner is worth the contact, and nobody is contacted.")
    elif decision["kind"] == "one":
        texts.append(f"Threshold: {_fixed(decision['threshold'])}.")
    else:
        texts.append(
            f"Thresholds of {_count(decision['customers'])} customers: {_range(decision['quantiles'])}, from the "
            f"lowest to the highest quantile shown; for {_percent(decision['never_pays'])} the offer never pays."
        )
    return Section("When to contact", tuple(texts))


def _drift(record: Record) -> Section:
    drift = record["drift"]
    low, high = drift["base_rate"]
    look, act = (drift["population_stability"][key] for key in ("look", "act"))
    rate = (
        f"The share {_lost(record, 'of churn')} should stay within {_percent(low)} and {_percent(high)}; outside, "
        "correct the prior or fit anew."
    )
    index = (
        "Hold columns and scores against these quantiles: with a tenth of the rows expected between two deciles, a "
        f"population stability index above {look} is worth a look, above {act} an action (a convention, not a test)."
    )
    named = [("probability (out of fold)", drift["score"])] if drift["score"] else []
    named += [(column["name"], column["quantiles"]) for column in record["columns"] if column["quantiles"]]
    header = ("", *(f"{level:.0%}" for level in drift["levels"]))
    rows = tuple((name, *(_number(value) for value in marks)) for name, marks in named)
    return Section("Drift limits", (rate, index), (Table(header, rows),) if rows else ())


def _evaluation(record: Record) -> Section | None:
    found = record["evaluation"]
    if found is None:
        return None
    texts = [found["sentence"]] + ([found["limits"]] if found["limits"] else [])
    tables = []
    metrics = found.get("metrics")
    if isinstance(metrics, list) and metrics and {"metric", "value", "low", "high"} <= set(metrics[0]):
        tables.append(
            Table(
                ("metric", "value (interval)"),
                tuple((str(one["metric"]), _interval(one, _fixed)) for one in metrics),
            )
        )
    return Section("On rows it has not seen", tuple(texts), tuple(tables))


def _limits(record: Record) -> Section:
    return Section("What it cannot say", bullets=tuple(record["limits"]))


_MARKS = str.maketrans({sign: f"\\{sign}" for sign in "\\`*[]<>|#&~$"} | dict.fromkeys("\r\n\t\v\f\u2028\u2029", " "))


# an underscore inside a word marks nothing
_EDGE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
# what begins a list or a rule
_LIST = re.compile(r"^(\s*\d*)([-+=.)])(?=[\s=+-]|$)")


def _safe(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line and inside one cell."""
    flat = _EDGE.sub(r"\_", text.translate(_MARKS))
    return _LIST.sub(r"\1\\\2", flat)


def to_markdown(record: Record) -> str:
    """Write a card as Markdown.

    Parameters
    ----------
    record : dict
        The card's numbers.

    Returns
    -------
    str
        With tables as GitHub and most viewers draw them.
    """
    lines = [f"# {_safe(title_of(record))}", ""]
    for section in sections_of(record):
        lines += [f"## {section.title}", ""]
        for paragraph in section.paragraphs:
            lines += [_safe(paragraph), ""]
        for table in section.tables:
            rows = [table.header, ("---",) * len(table.header)]
            lines += [f"| {' | '.join(cells)} |" for cells in rows]
            lines += [f"| {' | '.join(_safe(cell) for cell in cells)} |" for cells in table.rows]
            lines.append("")
        lines += [f"- {_safe(bullet)}" for bullet in section.bullets]
    return "\n".join([*lines, "", _safe(_foot(record)), ""])


def _foot(record: Record) -> str:
    return f"churnlib {record['churnlib']}, card of schema {record['schema_version']}, digest {record['digest'][:12]}"


def to_html(record: Record, *, page: bool) -> str:
    """Write a card as HTML that loads nothing; every text is escaped.

    Parameters
    ----------
    record : dict
        The card's numbers.
    page : bool
        Whether to write a whole document, or a part for a notebook.

    Returns
    -------
    str
        The same record gives the same bytes.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("churnlib.classification", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("card.html.j2")
    return template.render(title=title_of(record), sections=sections_of(record), foot=_foot(record), page=page)
