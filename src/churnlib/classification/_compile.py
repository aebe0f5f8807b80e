"""From a fitted classifier to a compiled scorer."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib._checks import check_choice
from churnlib.classification._calibration import IsotonicCalibrator, SigmoidCalibrator
from churnlib.classification._compile_sklearn import averaged_trees, features_of, logistic_regression
from churnlib.classification._compile_xgboost import boosted_trees
from churnlib.classification._compiled import KEYS, CompiledScorer
from churnlib.classification._compiled_codes import plain_catalog
from churnlib.classification._encoder import TableEncoder
from churnlib.classification._model import RowModel
from churnlib.classification._reasons import Reference, contributions
from churnlib.classification._record import Column, RecordReader
from churnlib.exceptions import ParameterError, SchemaError, VersionError, message, some

if TYPE_CHECKING:
    from churnlib.classification._classifier import ChurnClassifier

__all__ = ["compile_classifier"]

_SUPPORTED = (
    "compile() supports xgboost (booster='gbtree'), logistic regression, decision trees, random forests and extra trees"
)
_MADE_UP = 256
_EXPLAINED = 8


def compile_classifier(model: ChurnClassifier, *, catalog: Any = None, keys: str = "strict") -> CompiledScorer:
    """Compile a fitted classifier, and hold the result against it.

    Some hundred made-up rows, with values on and beside the thresholds and missing values,
    are scored by both; a difference would mean that the engine stores its models in a way
    that is not understood, and is an error.

    Parameters
    ----------
    model : ChurnClassifier
        Fitted.
    catalog : ReasonCatalog or None, default=None
        Whose codes and texts `CompiledScorer.explain` shall give.
    keys : {"strict", "lenient"}, default="strict"
        Whether unknown and absent keys of a record are errors.

    Returns
    -------
    CompiledScorer
        States what the model states.

    Raises
    ------
    ParameterError
        If the classifier inside cannot be compiled, or `keys` is unknown.
    ParameterTypeError
        If `catalog` is no catalogue.
    SchemaError
        If a column's name is neither text nor a whole number.
    VersionError
        If the made-up rows are scored differently.
    """
    check_choice(keys, KEYS, name="keys")
    inner: RowModel = model._model
    encoder = inner.encoder
    if encoder is None:
        raise _refused(inner.estimator)
    names = [_name(name) for name in encoder.columns]
    categories = [encoder.categories.get(name) for name in encoder.columns]
    plain, cuts = _plain(inner, categories)
    columns = [
        {"name": name, "categories": None if known is None else list(known), "cuts": edges}
        for name, known, edges in zip(names, categories, cuts, strict=True)
    ]
    plain |= _reference(model._reference, plain["kind"], columns, encoder)
    content = {
        "calibration": _calibration(model.calibrator_),
        "catalog": None if catalog is None else plain_catalog(catalog, names),
        "columns": columns,
        "keys": keys,
        "model": plain,
    }
    scorer = CompiledScorer(content)
    _hold_against(inner, model._reference, scorer, columns)
    return scorer


def _name(name: Any) -> str | int:
    if isinstance(name, str):
        return str(name)
    if isinstance(name, numbers.Integral) and not isinstance(name, bool | np.bool_):
        return int(name)
    raise SchemaError(
        message(
            f"a column is called {name!r} ({type(name).__name__})",
            "a record's keys are text (or whole numbers)",
            "X.columns = [str(name) for name in X.columns], and fit again",
        )
    )


def _refused(estimator: Any) -> ParameterError:
    name = type(estimator).__name__
    if name == "Pipeline":
        name = f"Pipeline of {some([type(step).__name__ for _, step in estimator.steps])}"
    return ParameterError(
        message(
            f"a {name} cannot be compiled",
            f"{_SUPPORTED}, given without a Pipeline, since the room prepares their columns",
            "ChurnClassifier().fit(X, y).compile(), or ChurnClassifier(LogisticRegression())",
        )
    )


def _refused_without_categories(estimator: Any) -> ParameterError:
    name = type(estimator).__name__
    return ParameterError(
        message(
            f"the {name} was fitted on imputed, standardised and one-hot columns, as it takes no categories",
            "compile() supports xgboost on the columns themselves, missing values and categories included",
            f"ChurnClassifier({name}(enable_categorical=True)).fit(X, y).compile()",
        )
    )


def _plain(inner: RowModel, categories: list[Any]) -> tuple[dict[str, Any], list[list[float]]]:
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeClassifier

    estimator = inner.estimator
    if type(estimator).__module__.startswith("xgboost") or hasattr(estimator, "get_booster"):
        if inner.preprocessor is not None:
            raise _refused_without_categories(estimator)
        return boosted_trees(estimator, categories)
    supported = isinstance(
        estimator, LogisticRegression | DecisionTreeClassifier | RandomForestClassifier | ExtraTreesClassifier
    )
    if not supported or inner.preprocessor is None:
        raise _refused(estimator)
    assert inner.encoder is not None
    known = inner.encoder.columns if inner.names is None else inner.names
    features = features_of(inner.preprocessor, known, categories)
    if isinstance(estimator, LogisticRegression):
        return logistic_regression(estimator, features, categories), [[] for _ in categories]
    trees = [estimator] if isinstance(estimator, DecisionTreeClassifier) else estimator.estimators_
    return averaged_trees(trees, features, len(categories))


def _reference(reference: Reference, kind: str, columns: list[dict[str, Any]], encoder: TableEncoder) -> dict[str, Any]:
    """Return what contributions are compared with: means for boosted trees, else a typical record."""
    if reference.mean is not None:
        return {"reference": reference.mean.tolist()}
    assert reference.row is not None
    typical = _typical(encoder, reference.row, [column["name"] for column in columns])
    reader = RecordReader(
        tuple(
            Column(c["name"], None if c["categories"] is None else tuple(c["categories"]), tuple(c["cuts"]))
            for c in columns
        )
    )
    if kind == "averaged trees":
        return {"typical": reader.places(typical)}
    return {"typical": [None if value != value else value for value in reader.values(typical)]}  # noqa: PLR0124 - NaN


def _typical(encoder: TableEncoder, row: pd.DataFrame, names: list[Any]) -> dict[Any, Any]:
    """Return a record; categories by the text of the fit, since a value taken out of its column may print otherwise."""
    record: dict[Any, Any] = {}
    for name, column in zip(names, encoder.columns, strict=True):
        values, texts = encoder.column(row, column), encoder.categories.get(column)
        if texts is None:
            record[name] = float(values[0])
        else:
            record[name] = None if values.codes[0] < 0 else texts[values.codes[0]]
    return record


def _calibration(calibrator: Any) -> dict[str, Any]:
    if calibrator is None:
        return {"kind": "none"}
    if isinstance(calibrator, SigmoidCalibrator):
        return {"kind": "sigmoid", "slope": calibrator.slope, "intercept": calibrator.intercept}
    assert isinstance(calibrator, IsotonicCalibrator)
    return {"kind": "isotonic", "stated": calibrator.stated.tolist(), "observed": calibrator.observed.tolist()}


def _made_up(columns: list[dict[str, Any]]) -> pd.DataFrame:
    """Draw rows whose values lie on, beside and between the thresholds, or are missing."""
    rng = np.random.default_rng(0)
    data: dict[Any, Any] = {}
    for column in columns:
        if column["categories"] is None:
            edge = np.array(column["cuts"] or [0.0, 1.0])
            between = (edge[1:] + edge[:-1]) / 2.0
            pool = np.concatenate(
                [edge, np.nextafter(edge, -np.inf), between, edge[:1] - 1.0, edge[-1:] + 1.0, [np.nan]]
            )
            data[column["name"]] = rng.choice(pool, _MADE_UP)
        else:
            words = np.array([*column["categories"], None], dtype=object)
            data[column["name"]] = words[rng.integers(0, len(words), _MADE_UP)]
    return pd.DataFrame(data)


def _hold_against(inner: RowModel, reference: Reference, scorer: CompiledScorer, columns: list[dict[str, Any]]) -> None:
    frame = _made_up(columns)
    records = frame.to_dict("records")
    raw = scorer._model.probabilities([scorer._read(record) for record in records])
    apart = float(np.abs(np.array(raw) - inner.probability(frame)).max())
    few = frame.iloc[:_EXPLAINED]
    told = np.array([list(scorer.contributions(record).values()) for record in records[:_EXPLAINED]])
    moved = float(np.abs(told - contributions(inner, few, reference)).max())
    if not (apart <= 1e-6 and moved <= 1e-3):
        estimator = type(inner.estimator)
        raise VersionError(
            message(
                f"on {len(frame):,} made-up rows the compiled model differs from {estimator.__name__} by up to "
                f"{apart:.2g} in probability and {moved:.2g} in contributions",
                "equal answers: this release of its package stores models in a way that churnlib does not know",
                f"score with the model itself, or fit with a release that churnlib was tested with; "
                f"{estimator.__module__.partition('.')[0]} is the package",
            )
        )
