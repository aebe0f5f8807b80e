"""How well a score tells whom a treatment helps: Qini, AUUC and AUTOC."""

from __future__ import annotations

from churnlib._checks import check_choice, check_flag
from churnlib._typing import ArrayLike
from churnlib.exceptions import ParameterError, message
from churnlib.metrics._uplift_effects import ranked_effects, warn_if_constant
from churnlib.metrics._uplift_inputs import Propensity
from churnlib.metrics._uplift_parity import Method, QiniMethod, area_of_other_package

__all__ = ["autoc_score", "auuc_score", "qini_score"]


def qini_score(
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    treatment: ArrayLike | None = None,
    propensity: Propensity = None,
    sample_weight: ArrayLike | None = None,
    method: QiniMethod = "churnlib",
    negative_effect: bool = True,
) -> float:
    """Area between the gain of treating the best first and that of treating in random order.

    The gain curve says what treating the best share q would bring, per customer of all; a random order brings q times
    the mean effect. The area between them is the mean advantage over budgets from
    nobody to everybody. It is not divided by that of a perfect order, which nobody can know.

    Parameters
    ----------
    outcome : array-like of shape (n_rows,)
        1 for retained and 0 for lost, or an amount kept; larger is better. A Series whose name says churn is refused.
        Or what `uplift_target` made, which holds the treatment and perhaps the propensity.
    score : array-like of shape (n_rows,)
        Predicted uplift, or any other number by which to choose; higher is treated first. Equal scores
        share their places, so that the order of rows never matters.
    treatment : array-like of shape (n_rows,), default=None
        1 for treated, 0 for the control; None where an uplift target holds it.
    propensity : float, array-like of shape (n_rows,) or "estimate", default=None
        The chance of each row to be treated, as in `ipw_scores`. It may be None for the methods of other packages,
        which ask for none.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.
    method : {"churnlib", "sklift", "causalml", "radcliffe"}, default="churnlib"
        "sklift" gives scikit-uplift's ``qini_auc_score`` (0 or 1 outcomes; divided by the area of a perfect order),
        "causalml" its ``qini_score`` (divided by the total effect, which can be near 0; tied rows in the
        order given), "radcliffe" the area under Radcliffe's curve, in which the control at each depth is scaled to the
        treated there, in units of the outcome. They are there to compare numbers; all differ on the same data.
    negative_effect : bool, default=True
        Of ``method="sklift"`` alone: whether the perfect order it divides by knows of rows that are harmed
        (Radcliffe's Q; False makes his q0).

    Returns
    -------
    float
        In units of the outcome, per customer. 0 is chance, larger is better, below 0 is worse than chance; its size
        depends on how strong and how varied effects are.

    Raises
    ------
    DataError
        If all rows are treated or none is, a number is missing, lengths differ, or a propensity is not between 0 and 1.
    ParameterError
        If treatment or propensity is missing, or given twice, the one propensity is not between 0 and 1, or the method
        is unknown.

    Warns
    -----
    AssumptionWarning
        If all scores are equal; the area is then 0.

    See Also
    --------
    qini_interval : The same with its interval, and the difference of two scores.

    Notes
    -----
    With the row effects G of `ipw_scores`, tied ones replaced by their mean, from the highest score to the lowest,
    ``qini = (1/n) sum_j G_(j) (1/2 - (j - 1/2)/n)``: the Qini coefficient of Radcliffe (2007), as an average treatment
    effect weighted by rank (Yadlowsky et al. 2025, J. Am. Stat. Assoc. 120, 38-51, weights u). Sign-flipped scores give
    the same number with the other sign.

    Examples
    --------
    >>> retained = [1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0, 1]
    >>> treated = [1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0]
    >>> uplift = [0.9, 0.8, 0.8, 0.7, 0.6, 0.6, 0.5, 0.4, 0.3, 0.3, 0.2, 0.1]
    >>> round(qini_score(retained, uplift, treatment=treated, propensity=0.5), 4)
    0.2222
    >>> round(qini_score(retained, uplift, treatment=treated, propensity=None, method="sklift"), 4)
    0.6115
    """
    check_choice(method, ("churnlib", "sklift", "causalml", "radcliffe"), name="method")
    if not check_flag(negative_effect, name="negative_effect") and method != "sklift":
        raise ParameterError(
            message(
                f"negative_effect is False with method={method!r}",
                "only sklift divides by a perfect order",
                "method='sklift', negative_effect=False",
            )
        )
    if method != "churnlib":
        return area_of_other_package(
            "qini",
            method,
            outcome,
            score,
            treatment=treatment,
            sample_weight=sample_weight,
            negative_effect=negative_effect,
        )
    ranked, _ = ranked_effects(outcome, score, treatment=treatment, propensity=propensity, sample_weight=sample_weight)
    warn_if_constant(ranked, "qini is 0")
    return ranked.qini(sample_weight)


def auuc_score(
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    treatment: ArrayLike | None = None,
    propensity: Propensity = None,
    sample_weight: ArrayLike | None = None,
    method: Method = "churnlib",
) -> float:
    """Area under the gain curve: the mean gain over budgets from nobody to everybody.

    It is `qini_score` plus half the mean effect, and so rewards a treatment that helps as well as a score that ranks.

    Parameters
    ----------
    outcome : array-like of shape (n_rows,)
        1 for retained and 0 for lost, or an amount kept; larger is better. Or what `uplift_target` made.
    score : array-like of shape (n_rows,)
        Predicted uplift; higher is treated first. Equal scores share their places.
    treatment : array-like of shape (n_rows,), default=None
        1 for treated, 0 for the control; None where an uplift target holds it.
    propensity : float, array-like of shape (n_rows,) or "estimate", default=None
        The chance of each row to be treated, as in `ipw_scores`; None for other methods.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.
    method : {"churnlib", "sklift", "causalml"}, default="churnlib"
        "sklift" gives scikit-uplift's ``uplift_auc_score``, "causalml" its ``auuc_score``, both as they are by default.

    Returns
    -------
    float
        In units of the outcome, per customer; half the mean effect is chance, larger is better.

    Raises
    ------
    DataError
        If all rows are treated or none is, a number is missing, lengths differ, or a propensity is not between 0 and 1.
    ParameterError
        If treatment or propensity is missing, or given twice, the one propensity is not between 0 and 1, or the method
        is unknown.

    Warns
    -----
    AssumptionWarning
        If all scores are equal.

    Examples
    --------
    >>> retained = [1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0, 1]
    >>> treated = [1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0]
    >>> uplift = [0.9, 0.8, 0.8, 0.7, 0.6, 0.6, 0.5, 0.4, 0.3, 0.3, 0.2, 0.1]
    >>> round(auuc_score(retained, uplift, treatment=treated, propensity=0.5), 4)
    0.0556
    """
    check_choice(method, ("churnlib", "sklift", "causalml"), name="method")
    if method != "churnlib":
        return area_of_other_package("auuc", method, outcome, score, treatment=treatment, sample_weight=sample_weight)
    ranked, _ = ranked_effects(outcome, score, treatment=treatment, propensity=propensity, sample_weight=sample_weight)
    warn_if_constant(ranked, "auuc is half the mean effect")
    return ranked.auuc(sample_weight)


def autoc_score(
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    treatment: ArrayLike | None = None,
    propensity: Propensity = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Advantage of treating the best share over treating everybody, averaged over shares.

    At each share q it compares the mean effect on the best q with that on all; the average over q
    is dominated by short lists. It suits a treatment that helps few; `qini_score` one that helps many.

    Parameters
    ----------
    outcome : array-like of shape (n_rows,)
        1 for retained and 0 for lost, or an amount kept; larger is better. Or what `uplift_target` made.
    score : array-like of shape (n_rows,)
        Predicted uplift; higher is treated first. Equal scores share their places.
    treatment : array-like of shape (n_rows,), default=None
        1 for treated, 0 for the control; None where an uplift target holds it.
    propensity : float, array-like of shape (n_rows,) or "estimate", default=None
        The chance of each row to be treated, as in `ipw_scores`.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows. Of other weights only the proportions count.

    Returns
    -------
    float
        In units of the outcome, per customer treated; 0 is chance, larger is better.

    Raises
    ------
    DataError
        If all rows are treated or none is, a number is missing, lengths differ, or a propensity is not between 0 and 1.
    ParameterError
        If treatment or propensity is missing, or given twice, or the one propensity is not between 0 and 1.

    Warns
    -----
    AssumptionWarning
        If all scores are equal; the area is then 0.

    Notes
    -----
    ``autoc = (1/n) sum_j (mean of the first j effects - mean of all)``, tied effects replaced by their mean (Yadlowsky
    et al. 2025, J. Am. Stat. Assoc. 120, 38-51). It changes a little when all rows are doubled: the shortest list then
    holds half as large a share.

    Examples
    --------
    >>> retained = [1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0, 1]
    >>> treated = [1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0]
    >>> uplift = [0.9, 0.8, 0.8, 0.7, 0.6, 0.6, 0.5, 0.4, 0.3, 0.3, 0.2, 0.1]
    >>> round(autoc_score(retained, uplift, treatment=treated, propensity=0.5), 4)
    0.77
    """
    ranked, _ = ranked_effects(outcome, score, treatment=treatment, propensity=propensity, sample_weight=sample_weight)
    warn_if_constant(ranked, "autoc is 0")
    return ranked.autoc(sample_weight)
