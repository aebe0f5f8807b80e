"""The chance of each arm: known as it was drawn, or estimated where that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib._typing import FloatArray
from churnlib.exceptions import ParameterError, message
from churnlib.uplift._cross_fit import Fold, over_folds
from churnlib.uplift._models import fit_classes, rows_of, seeded
from churnlib.uplift._rows import AssignedRows
from churnlib.uplift._trees import BoostedPropensity

__all__ = ["Chances", "PropensityModel", "chances_for"]


@dataclass(frozen=True, slots=True, eq=False)
class PropensityModel:
    """Models of the arm that a row is assigned to, whose mean is taken, and how far from 0 and 1 it is kept."""

    models: tuple[Any, ...]
    n_arms: int
    clip: float

    def predict(self, X: Any) -> FloatArray:
        """Return the chance of each arm."""
        return self.kept_inside(np.mean([self.of_one(model, X) for model in self.models], axis=0))

    def of_one(self, model: Any, X: Any) -> FloatArray:
        """Return what one of the models says."""
        chances = np.zeros((X.shape[0], self.n_arms))
        chances[:, np.asarray(model.classes_, dtype=np.int64)] = model.predict_proba(X)
        return chances

    def kept_inside(self, chances: FloatArray) -> FloatArray:
        """Return chances of which none is below the smallest, and which still add up to 1."""
        low = chances < self.clip
        excess = (self.clip - chances).clip(0).sum(axis=1, keepdims=True)
        above = np.where(low, 0.0, chances - self.clip)
        # what the raised ones gain the others give, each in proportion to what it has to give
        kept = np.where(low, self.clip, chances - above * (excess / above.sum(axis=1, keepdims=True)))
        inside: FloatArray = kept
        return inside


@dataclass(frozen=True, slots=True, eq=False)
class Chances:
    """The chance of each arm in each row, and the model it is from, if it was estimated."""

    values: FloatArray
    model: PropensityModel | None
    clipped: float

    @property
    def estimated(self) -> bool:
        """Whether the chances were estimated."""
        return self.model is not None

    def beside_control(self, code: int) -> FloatArray:
        """Return the chance of an arm among rows that are in it or in the control."""
        share: FloatArray = self.values[:, code] / (self.values[:, code] + self.values[:, 0])
        return share


def chances_for(
    rows: AssignedRows, folds: list[Fold], *, propensity_model: Any, clip: float, learner: str, random_state: int
) -> Chances:
    """Return the propensities that were given, or estimate them out of fold; never the latter unless it was asked."""
    if rows.propensity is not None:
        return Chances(rows.propensity, None, 0.0)
    if not rows.estimate:
        raise ParameterError(
            message(
                f"{learner} needs the propensity, the chance of each row to be treated, and it is not given",
                "it is never estimated unless that is asked for: where past campaigns went to customers at risk, "
                "an estimate has to know all that the choice was made by",
                "propensity=0.5 for one half drawn by lot, the logged chances, or propensity='estimate'",
            )
        )
    if not 0 <= clip < 1 / len(rows.arms):
        raise ParameterError(
            message(f"clip={clip!r} for {len(rows.arms)} arms", f"from 0 to below {1 / len(rows.arms):g}", "clip=0.01")
        )
    model = seeded(BoostedPropensity, propensity_model, random_state)
    everybody = np.ones(len(rows), bool)
    fitted = over_folds(
        lambda some: fit_classes(
            model, rows_of(rows.X, some), rows.codes[some], rows.weight_of(some), name="propensity_model"
        ),
        folds,
        everybody,
    )
    found = PropensityModel(tuple(fitted), len(rows.arms), clip)
    chances = np.empty((len(rows), len(rows.arms)))
    for one, (_, test) in zip(fitted, folds, strict=True):
        chances[test] = found.of_one(one, rows_of(rows.X, test))
    clipped = float((chances < clip).any(axis=1).mean())
    return Chances(found.kept_inside(chances), found, clipped)
