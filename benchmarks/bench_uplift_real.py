"""Effects on real data: writes every table of the page "Uplift on real data".

The folder with the data is named by CHURNLIB_DATA; without it nothing is done.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.side_by_side import table, write_section
from churnlib.experiments import effect, srm_check
from churnlib.metrics import qini_interval, uplift_at_k_interval
from churnlib.uplift import (
    DRLearner,
    DRScores,
    RLearner,
    SLearner,
    TLearner,
    XLearner,
    average_effect,
    dr_scores,
    group_effects,
)

PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "uplift-on-real-data.md"
KNOWN_BEFORE = ["recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie", "channel"]
LALONDE = ["age", "education", "black", "hispanic", "married", "nodegree", "re74", "re75"]


def ridge() -> Any:
    return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 7)))


def logit() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


# ---------------------------------------------------------------- an e-mail campaign


def hillstrom(folder: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Customers who were sent the e-mail for women, or none."""
    rows = pd.read_csv(folder / "hillstrom.csv.gz")
    rows = rows[rows["segment"] != "Mens E-Mail"].reset_index(drop=True)
    return rows, (rows["segment"] == "Womens E-Mail").astype(int)


def hillstrom_scores(folder: Path) -> DRScores:
    rows, treated = hillstrom(folder)
    return dr_scores(rows[KNOWN_BEFORE], rows["visit"], treatment=treated, propensity=0.5)


def hillstrom_groups(folder: Path) -> pd.DataFrame:
    """The effect by what customers bought in the year before."""
    rows, _ = hillstrom(folder)
    bought = np.select([(rows["mens"] == 1) & (rows["womens"] == 1), rows["womens"] == 1], ["both", "women's"], "men's")
    return group_effects(hillstrom_scores(folder), bought)


def hillstrom_rankings(folder: Path) -> pd.DataFrame:
    """Learners fitted to one half and judged on the other."""
    rows, treated = hillstrom(folder)
    test = np.random.default_rng(0).random(len(rows)) < 0.5
    found = []
    for outcome in ("visit", "spend"):
        judged = rows[outcome][test] - rows[outcome][test].mean()
        for learner in (SLearner(), TLearner(), XLearner(), RLearner(), DRLearner()):
            learner.fit(rows[KNOWN_BEFORE][~test], rows[outcome][~test], treatment=treated[~test], propensity=0.5)
            predicted = learner.predict(rows[KNOWN_BEFORE][test])
            options = {"treatment": treated[test], "propensity": 0.5}
            qini = qini_interval(judged, predicted, **options)
            top = uplift_at_k_interval(judged, predicted, k=0.3, **options)
            found.append(
                [outcome, type(learner).__name__, qini.value, qini.low, qini.high, top.value, top.low, top.high]
            )
    columns = ["outcome", "learner", "qini", "qini_low", "qini_high", "top", "top_low", "top_high"]
    return pd.DataFrame(found, columns=columns).set_index(["outcome", "learner"])


# ---------------------------------------------------------------- a training, with and without its control group


def lalonde(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The experiment, and its treated beside 15,992 people of a survey."""
    trial = pd.read_csv(folder / "lalonde_nsw_dw.csv.gz")
    others = pd.read_csv(folder / "lalonde_cps_controls.csv.gz")
    return trial, pd.concat([trial[trial["treat"] == 1], others], ignore_index=True)


def lalonde_scores(folder: Path, models: str) -> DRScores:
    _, rows = lalonde(folder)
    features = rows[LALONDE].assign(none74=(rows["re74"] == 0) * 1.0, none75=(rows["re75"] == 0) * 1.0)
    given: dict[str, Any] = {}
    if models == "ridge and logistic regression":
        given = {"outcome_model": ridge(), "propensity_model": logit()}
    return dr_scores(features, rows["re78"], treatment=rows["treat"].astype(int), propensity="estimate", **given)


def lalonde_answers(folder: Path) -> pd.DataFrame:
    """What each way of asking says; the first is the truth."""
    trial, rows = lalonde(folder)
    found = {"the experiment: treated less control": effect(trial["re78"], trial["treat"].astype(int))}
    treated = rows["treat"].astype(int)
    found["the treated less the survey, as they are"] = effect(rows["re78"], treated)
    for models in ("boosted trees", "ridge and logistic regression"):
        scores = lalonde_scores(folder, models)
        chance = scores.propensity[:, 1]
        alike = chance > 0.02
        found[f"mean effect on everybody, {models}"] = average_effect(scores)
        found[f"effect on people like the treated, {models}"] = average_effect(
            scores.values[alike], sample_weight=chance[alike]
        )
    return pd.DataFrame({name: [one.value, one.low, one.high] for name, one in found.items()}).T.set_axis(
        ["effect", "low", "high"], axis=1
    )


# ---------------------------------------------------------------- half-simulated: children whose effects are known


def ihdp(folder: Path) -> pd.DataFrame:
    """Errors of learners in and out of sample, and the interval of the mean effect, for each replication."""
    rows = pd.read_csv(folder / "ihdp_npci_1_9.csv.gz")
    names = [f"x{number}" for number in range(1, 26)]
    found = {}
    for number, part in rows.groupby("replication"):
        world = part.reset_index(drop=True)
        treated, outcome = world["treatment"].astype(int), world["y_factual"]
        truth = (world["mu1"] - world["mu0"]).to_numpy()
        test = np.random.default_rng(int(number)).random(len(world)) < 0.1
        line = {"n_rows": len(world), "n_treated": int(treated.sum()), "spread": truth.std(), "truth": truth.mean()}
        learners = {
            "T, ridge": TLearner(outcome_model=ridge()),
            "X": XLearner(propensity="estimate"),
            "R": RLearner(propensity="estimate"),
            "DR": DRLearner(propensity="estimate"),
        }
        for name, learner in learners.items():
            learner.fit(world[names][~test], outcome[~test], treatment=treated[~test])
            wrong = (learner.predict(world[names]) - truth) ** 2
            line[name], line[f"{name}, new"] = np.sqrt(wrong[~test].mean()), np.sqrt(wrong[test].mean())
        models = {"outcome_model": ridge(), "propensity_model": logit()}
        average = average_effect(dr_scores(world[names], outcome, treatment=treated, propensity="estimate", **models))
        found[number] = line | {"effect": average.value, "low": average.low, "high": average.high}
    return pd.DataFrame(found).T


# ---------------------------------------------------------------- a game


def cookie_cats(folder: Path) -> pd.DataFrame:
    """Whether players come back when the first gate stands at level 40 and not at 30."""
    rows = pd.read_csv(folder / "cookie_cats_ab.csv.gz")
    later = (rows["version"] == "gate_40").astype(int)
    found = {name: effect(rows[name].astype(int), later) for name in ("retention_1", "retention_7")}
    return pd.DataFrame(
        {name: [one.control_mean, one.treated_mean, one.value, one.low, one.high] for name, one in found.items()}
    ).T.set_axis(["gate 30", "gate 40", "effect", "low", "high"], axis=1)


def sample_ratio(folder: Path) -> float:
    """The chance of arms of the game as unequal as they are."""
    counts = pd.read_csv(folder / "cookie_cats_ab.csv.gz")["version"].value_counts()
    return float(srm_check(counts.to_dict()).p_value)


# ---------------------------------------------------------------- the page


def sections(folder: Path) -> dict[str, str]:
    """Lay out the tables."""
    groups, ranks, answers, worlds, game = (
        make(folder) for make in (hillstrom_groups, hillstrom_rankings, lalonde_answers, ihdp, cookie_cats)
    )
    learners = ["T, ridge", "X", "R", "DR"]
    return {
        "groups": table(
            ["bought before", "customers", "effect on visits", "95 %"],
            [
                [name, f"{row.n_rows:,.0f}", f"{row.effect:+.3f}", f"{row.low:+.3f} to {row.high:+.3f}"]
                for name, row in groups.iterrows()
            ],
        ),
        "rankings": table(
            ["outcome", "learner", "Qini", "95 %", "effect on the top 30 %", "95 %"],
            [
                [
                    *name,
                    f"{row.qini:.{d}f}",
                    f"{row.qini_low:.{d}f} to {row.qini_high:.{d}f}",
                    f"{row.top:.{d}f}",
                    f"{row.top_low:.{d}f} to {row.top_high:.{d}f}",
                ]
                for name, row in ranks.iterrows()
                for d in [4 if name[0] == "visit" else 2]
            ],
        ),
        "lalonde": table(
            ["asked how", "dollars a year", "95 %"],
            [[name, f"{row.effect:+,.0f}", f"{row.low:+,.0f} to {row.high:+,.0f}"] for name, row in answers.iterrows()],
        ),
        "ihdp": table(
            ["replication", "spread of effects", *learners, "mean effect", "estimated (95 %)"],
            [
                [
                    number,
                    f"{row['spread']:.2f}",
                    *(f"{row[name]:.2f} / {row[name + ', new']:.2f}" for name in learners),
                    f"{row['truth']:.2f}",
                    f"{row['effect']:.2f} ({row['low']:.2f} to {row['high']:.2f})",
                ]
                for number, row in worlds.iterrows()
            ],
        ),
        "cookie cats": table(
            ["comes back after", "gate at 30", "gate at 40", "difference, points", "95 %"],
            [
                [
                    "1 day" if name == "retention_1" else "7 days",
                    f"{row['gate 30']:.2%}",
                    f"{row['gate 40']:.2%}",
                    f"{row.effect * 100:+.2f}",
                    f"{row.low * 100:+.2f} to {row.high * 100:+.2f}",
                ]
                for name, row in game.iterrows()
            ],
        ),
    }


def main() -> None:
    """Write the tables into the page."""
    named = os.environ.get("CHURNLIB_DATA")
    if not named or not Path(named).is_dir():
        print("CHURNLIB_DATA names no folder: effects on real data are not computed")
        return
    for name, text in sections(Path(named)).items():
        write_section(name, text, path=PAGE)
        print(f"{name}\n{text}\n", flush=True)


if __name__ == "__main__":
    main()
