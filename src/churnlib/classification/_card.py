"""The model card: what a fitted model is, how good, when to use it, and what it cannot say."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from churnlib._version import __version__
from churnlib.classification._card_record import decision_of, evaluation_of, model_of, plain, record_of_facts, texts_of
from churnlib.classification._card_words import title_of, to_html, to_markdown
from churnlib.classification._facts import FitFacts
from churnlib.exceptions import ParameterError, VersionError, message, nearest, some

__all__ = ["ModelCard", "write_card"]

SCHEMA_VERSION = 1
_SUFFIXES = (".html", ".json", ".md")
_KEYS = (
    *("name", "predicts", "window", "intended_use", "data_licence", "data", "base_rate", "columns", "model", "tuning"),
    *("calibration", "folds", "out_of_fold", "monotone", "decision", "drift", "evaluation", "limits"),
)


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class ModelCard:
    """A model card, made by `ChurnClassifier.card`.

    It holds numbers of the fit, of the folds and of an evaluation, and no customer's
    row, id or value. Two cards are equal when everything on them is.

    Parameters
    ----------
    text : str
        The card as JSON, as `to_json` returns it.

    Raises
    ------
    ParameterError
        If the text is no card.
    VersionError
        If it has another schema version, or was changed after it was written.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> from churnlib.classification import ChurnClassifier
    >>> X = pd.DataFrame({"silence": [1.0, 80, 3, 60] * 20})
    >>> card = ChurnClassifier(LogisticRegression()).fit(X, [0, 1, 0, 1] * 20).card(name="Shop, weekly")
    >>> card.to_markdown().splitlines()[0]
    '# Shop, weekly'
    >>> card.to_dict()["out_of_fold"]["auc"]["value"]
    1.0
    >>> ModelCard(card.to_json()) == card
    True
    """

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _canonical(_checked(self.text)))

    def to_dict(self) -> dict[str, Any]:
        """Return everything on the card as plain values; a copy each time.

        Returns
        -------
        dict
            Keys schema_version, churnlib, digest, name, predicts, window, intended_use,
            data_licence, data, base_rate, columns, model, tuning, calibration, folds,
            out_of_fold, monotone, decision, drift, evaluation and limits.
        """
        return dict(json.loads(self.text))

    def to_json(self) -> str:
        """Return the card as JSON; ``ModelCard(text)`` reads it back.

        Returns
        -------
        str
            With schema_version, the version of churnlib, and a digest of the content.
        """
        return self.text

    def to_markdown(self) -> str:
        """Return the card as Markdown.

        Returns
        -------
        str
            Texts of yours and of the data are escaped.
        """
        return to_markdown(self.to_dict())

    def to_html(self) -> str:
        """Return the card as one page of HTML that loads nothing.

        Returns
        -------
        str
            Texts of yours and of the data are escaped.
        """
        return to_html(self.to_dict(), page=True)

    def save(self, path: str | Path) -> Path:
        """Write the card to a file, in the form that its ending names.

        Parameters
        ----------
        path : str or Path
            Ends in ``.json``, ``.md`` or ``.html``.

        Returns
        -------
        pathlib.Path
            The file written.

        Raises
        ------
        ParameterError
            If it ends in something else.

        Examples
        --------
        >>> import tempfile
        >>> import pandas as pd
        >>> from sklearn.dummy import DummyClassifier
        >>> from churnlib.classification import ChurnClassifier
        >>> model = ChurnClassifier(DummyClassifier(), calibration=None).fit(pd.DataFrame({"a": range(4)}), [0, 1] * 2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ModelCard(model.card().save(f"{folder}/card.json").read_text(encoding="utf-8")) == model.card()
        True
        """
        target = Path(path)
        forms = {".json": self.to_json, ".md": self.to_markdown, ".html": self.to_html}
        form = forms.get(target.suffix.lower())
        if form is None:
            raise ParameterError(
                message(
                    f"path ends in {target.suffix!r} ({nearest(target.suffix, _SUFFIXES)})",
                    "a card is written as .json, .md or .html",
                    f"card.save({str(target.with_suffix('.md'))!r})",
                )
            )
        target.write_text(form(), encoding="utf-8", newline="\n")
        return target

    def __repr__(self) -> str:
        card = self.to_dict()
        found = card["out_of_fold"]
        auc = "not judged out of fold" if found is None else "AUC not known"
        if found is not None and found["auc"]["value"] is not None:
            auc = f"AUC {found['auc']['value']:.3f} out of fold"
        return (
            f"ModelCard({title_of(card)!r}: base rate {card['base_rate']['value']:.1%}, {auc}, {card['digest'][:12]})"
        )

    def _repr_html_(self) -> str:
        return to_html(self.to_dict(), page=False)


def write_card(
    model: Any,
    facts: FitFacts,
    *,
    evaluation: Any,
    offer: Any,
    limits: Any,
    show_categories: bool,
    **texts: Any,
) -> ModelCard:
    """Write the card of a fitted model.

    Parameters
    ----------
    model : ChurnClassifier
        Fitted, on churn or on one cause.
    facts : FitFacts
        What its fit left behind.
    evaluation : Evaluation or None
        How it did on rows it has not seen.
    offer : RetentionOffer or None
        What the threshold is derived from.
    limits : str or sequence of str
        More that it cannot say.
    show_categories : bool
        Whether to name common categories.
    **texts : str or None
        name, intended_use, data_licence and window.

    Returns
    -------
    ModelCard
        The card.
    """
    named, more = texts_of(limits, **texts)
    record = record_of_facts(facts, show_categories=show_categories)
    made = model_of(model, facts)
    record["limits"] += _of_choice(made) + more
    body = {
        **named,
        "predicts": _predicts(facts.cause),
        "window": named["window"] or facts.window,
        **record,
        **made,
        "decision": decision_of(offer),
        "evaluation": evaluation_of(evaluation),
    }
    body = plain(body)
    digest = _digest({"churnlib": __version__, **body})
    return ModelCard(_canonical({"schema_version": SCHEMA_VERSION, "churnlib": __version__, "digest": digest, **body}))


def _predicts(cause: str | None) -> str:
    lost = "churn in the label window" if cause is None else f"lost to the cause {cause!r} in the label window"
    return f"P({lost} | the customer survives the blind gap)"


def _of_choice(made: dict[str, Any]) -> list[str]:
    compared = len(made["tuning"]["report"] or [])
    if compared < 3:
        return []
    return [
        f"The best of {compared} models was chosen on the same folds: its log-loss out of fold flatters it a little."
    ]


def _canonical(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False, indent=1)


def _digest(body: dict[str, Any]) -> str:
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _checked(text: Any) -> dict[str, Any]:
    try:
        record = json.loads(text, parse_constant=_refuse_constant)
    except (TypeError, ValueError, RecursionError) as error:
        raise ParameterError(
            message(f"the text is no JSON ({str(error)[:60]})", "a card written by to_json", "model.card().to_json()")
        ) from None
    version = record.get("schema_version") if isinstance(record, dict) else None
    if version != SCHEMA_VERSION:
        raise VersionError(
            message(
                f"the text has schema version {version!r}",
                f"a card of schema version {SCHEMA_VERSION}",
                "read it with the release of churnlib that wrote it",
            )
        )
    body = {key: value for key, value in record.items() if key not in {"schema_version", "digest"}}
    if record.get("digest") != _digest(body):
        raise VersionError(
            message(
                f"the digest of the card is {_digest(body)[:12]}, and it says {str(record.get('digest'))[:12]}",
                "a card as to_json wrote it",
                "write the card anew: model.card()",
            )
        )
    absent = [key for key in _KEYS if key not in record]
    if absent:
        raise ParameterError(
            message(
                f"the text lacks {len(absent):,} parts of a card ({some(absent, 3)})",
                "a card written by to_json",
                "model.card().to_json()",
            )
        )
    return dict(record)


def _refuse_constant(name: str) -> None:
    # Python reads NaN and Infinity, and JSON knows neither
    raise ValueError(f"it holds {name}")
