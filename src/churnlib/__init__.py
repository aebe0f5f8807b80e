"""The front door: every name a user types, loaded on first use.

``import churnlib as cl`` costs a few milliseconds, because a name such as
``cl.EventLog`` imports its module when it is first asked for (PEP 562). The
rooms are reachable the same way: ``cl.metrics``, ``cl.datasets``, ``cl.features``.

>>> import churnlib as cl
>>> cl.Inactivity("60d")
Inactivity('60d')
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from churnlib._version import __version__

if TYPE_CHECKING:
    # What a type checker reads. `tests/test_front_door.py` holds this block, `_HOME` and `__all__` together.
    from churnlib import (
        alerts,
        calendar,
        classification,
        clv,
        datasets,
        economics,
        evaluation,
        events,
        exceptions,
        experiments,
        expressions,
        features,
        metrics,
        model_selection,
        numerics,
        outcomes,
        plotting,
        policy,
        reasons,
        reporting,
        segmentation,
        snapshots,
        survival,
        targets,
        testing,
        uplift,
    )
    from churnlib._show_versions import show_versions
    from churnlib.alerts import Rule, RuleSet
    from churnlib.calendar import monthly, weekly
    from churnlib.classification import ChurnClassifier, ProfitThresholdClassifier
    from churnlib.clv import (
        BGBB,
        BGNBD,
        MBGNBD,
        BetaDiscreteWeibull,
        CustomerLifetimeValue,
        GammaGamma,
        ParetoNBD,
        ShiftedBetaGeometric,
    )
    from churnlib.economics import RetentionOffer, churn_cost
    from churnlib.evaluation import compare, evaluate, out_of_time_predict
    from churnlib.events import Contracts, EventLog
    from churnlib.experiments import assign, cuped, effect, sample_size, srm_check
    from churnlib.features import FeatureSpec, OnlineFeatures
    from churnlib.model_selection import PurgedGroupTimeSplit, SurvivalKFold
    from churnlib.outcomes import (
        AnyOf,
        BalanceDrop,
        CancelAndRefund,
        ContractEnd,
        Downgrade,
        FirstOf,
        FrequencyDrop,
        Inactivity,
        SpendDrop,
        StatusChange,
        compare_definitions,
    )
    from churnlib.policy import (
        Action,
        ContactPolicy,
        Plan,
        PolicyTree,
        allocate,
        campaign_result,
        compare_policies,
        evaluate_policy,
    )
    from churnlib.reasons import ComplaintClassifier, ReasonCatalog, precursors
    from churnlib.reporting import Report
    from churnlib.segmentation import LifecycleStage, RFMScorer, RFMSegmenter, TagRules
    from churnlib.snapshots import Dataset, build_dataset
    from churnlib.survival import (
        AalenJohansen,
        CompetingHazards,
        CoxModel,
        CureModel,
        DiscreteTimeHazard,
        KaplanMeier,
        LifelinesModel,
        SurvivalBooster,
        find_hazard_peaks,
    )
    from churnlib.targets import survival_target, uplift_target
    from churnlib.uplift import DRLearner, RLearner, SLearner, TLearner, XLearner

__all__ = [
    "BGBB",
    "BGNBD",
    "MBGNBD",
    "AalenJohansen",
    "Action",
    "AnyOf",
    "BalanceDrop",
    "BetaDiscreteWeibull",
    "CancelAndRefund",
    "ChurnClassifier",
    "CompetingHazards",
    "ComplaintClassifier",
    "ContactPolicy",
    "ContractEnd",
    "Contracts",
    "CoxModel",
    "CureModel",
    "CustomerLifetimeValue",
    "DRLearner",
    "Dataset",
    "DiscreteTimeHazard",
    "Downgrade",
    "EventLog",
    "FeatureSpec",
    "FirstOf",
    "FrequencyDrop",
    "GammaGamma",
    "Inactivity",
    "KaplanMeier",
    "LifecycleStage",
    "LifelinesModel",
    "OnlineFeatures",
    "ParetoNBD",
    "Plan",
    "PolicyTree",
    "ProfitThresholdClassifier",
    "PurgedGroupTimeSplit",
    "RFMScorer",
    "RFMSegmenter",
    "RLearner",
    "ReasonCatalog",
    "Report",
    "RetentionOffer",
    "Rule",
    "RuleSet",
    "SLearner",
    "ShiftedBetaGeometric",
    "SpendDrop",
    "StatusChange",
    "SurvivalBooster",
    "SurvivalKFold",
    "TLearner",
    "TagRules",
    "XLearner",
    "__version__",
    "alerts",
    "allocate",
    "assign",
    "build_dataset",
    "calendar",
    "campaign_result",
    "churn_cost",
    "classification",
    "clv",
    "compare",
    "compare_definitions",
    "compare_policies",
    "cuped",
    "datasets",
    "economics",
    "effect",
    "evaluate",
    "evaluate_policy",
    "evaluation",
    "events",
    "exceptions",
    "experiments",
    "expressions",
    "features",
    "find_hazard_peaks",
    "metrics",
    "model_selection",
    "monthly",
    "numerics",
    "out_of_time_predict",
    "outcomes",
    "plotting",
    "policy",
    "precursors",
    "reasons",
    "reporting",
    "sample_size",
    "segmentation",
    "show_versions",
    "snapshots",
    "srm_check",
    "survival",
    "survival_target",
    "targets",
    "testing",
    "uplift",
    "uplift_target",
    "weekly",
]

_ROOMS = frozenset(
    {
        "alerts",
        "calendar",
        "classification",
        "clv",
        "datasets",
        "economics",
        "evaluation",
        "events",
        "exceptions",
        "experiments",
        "expressions",
        "features",
        "metrics",
        "model_selection",
        "numerics",
        "outcomes",
        "plotting",
        "policy",
        "reasons",
        "reporting",
        "segmentation",
        "snapshots",
        "survival",
        "targets",
        "testing",
        "uplift",
    }
)

_HOME = {
    "AalenJohansen": "survival",
    "Action": "policy",
    "AnyOf": "outcomes",
    "BGBB": "clv",
    "BGNBD": "clv",
    "BalanceDrop": "outcomes",
    "BetaDiscreteWeibull": "clv",
    "CancelAndRefund": "outcomes",
    "ChurnClassifier": "classification",
    "CompetingHazards": "survival",
    "ComplaintClassifier": "reasons",
    "ContactPolicy": "policy",
    "ContractEnd": "outcomes",
    "Contracts": "events",
    "CoxModel": "survival",
    "CureModel": "survival",
    "CustomerLifetimeValue": "clv",
    "DRLearner": "uplift",
    "Dataset": "snapshots",
    "DiscreteTimeHazard": "survival",
    "Downgrade": "outcomes",
    "EventLog": "events",
    "FeatureSpec": "features",
    "FirstOf": "outcomes",
    "FrequencyDrop": "outcomes",
    "GammaGamma": "clv",
    "Inactivity": "outcomes",
    "KaplanMeier": "survival",
    "LifecycleStage": "segmentation",
    "LifelinesModel": "survival",
    "MBGNBD": "clv",
    "OnlineFeatures": "features",
    "ParetoNBD": "clv",
    "Plan": "policy",
    "PolicyTree": "policy",
    "ProfitThresholdClassifier": "classification",
    "PurgedGroupTimeSplit": "model_selection",
    "RFMScorer": "segmentation",
    "RFMSegmenter": "segmentation",
    "RLearner": "uplift",
    "ReasonCatalog": "reasons",
    "Report": "reporting",
    "RetentionOffer": "economics",
    "Rule": "alerts",
    "RuleSet": "alerts",
    "SLearner": "uplift",
    "ShiftedBetaGeometric": "clv",
    "SpendDrop": "outcomes",
    "StatusChange": "outcomes",
    "SurvivalBooster": "survival",
    "SurvivalKFold": "model_selection",
    "TLearner": "uplift",
    "TagRules": "segmentation",
    "XLearner": "uplift",
    "allocate": "policy",
    "assign": "experiments",
    "build_dataset": "snapshots",
    "campaign_result": "policy",
    "churn_cost": "economics",
    "compare": "evaluation",
    "compare_definitions": "outcomes",
    "compare_policies": "policy",
    "cuped": "experiments",
    "effect": "experiments",
    "evaluate": "evaluation",
    "evaluate_policy": "policy",
    "find_hazard_peaks": "survival",
    "monthly": "calendar",
    "out_of_time_predict": "evaluation",
    "precursors": "reasons",
    "sample_size": "experiments",
    "show_versions": "_show_versions",
    "srm_check": "experiments",
    "survival_target": "targets",
    "uplift_target": "targets",
    "weekly": "calendar",
}

if not TYPE_CHECKING:
    # Hidden from type checkers: a module with __getattr__ accepts any name, and a misspelt one would pass.

    def __getattr__(name: str) -> object:
        if name in _ROOMS:
            return importlib.import_module(f"{__name__}.{name}")
        if name in _HOME:
            value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
            globals()[name] = value
            return value
        from churnlib.exceptions import nearest

        raise AttributeError(f"module 'churnlib' has no attribute {name!r}; {nearest(name, __all__)}")

    def __dir__() -> list[str]:
        return sorted(__all__)
