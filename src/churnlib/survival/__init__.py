"""When customers leave: curves, hazard models, causes, and where in life the danger is.

A target says for every customer whether the churn was seen, when, and since when the customer
was watched (`churnlib.targets.survival_target`; ``data.survival`` of a `Dataset`). Every model here is a
scikit-learn estimator and answers the same questions: `predict` (risk; higher is sooner),
`predict_survival_function`, `predict_churn_probability` within a horizon given the tenure
of today, `predict_cumulative_incidence` by cause, `predict_expected_lifetime`.
Nothing is said about times that nobody was watched at: asking for them is an error, unless
``beyond=`` says otherwise.
"""

from churnlib.survival._hazard_model import HazardModel

__all__ = [
    "HazardModel",
]
