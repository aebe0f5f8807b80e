"""Worlds with known hazards in each period, and the real data in which hazards are held against what happened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtri

from churnlib.targets import survival_target

PEAKS = ((3, 3), (8, 3), (11, 1), (18, 2), (23, 1), (28, 3))
"""Tenure and horizon, in months, of the table of peaks: after 3 months the next 3, ..."""
_MONTHS = 36


def monthly_hazards(x: np.ndarray) -> np.ndarray:
    """Peaks in months 4 to 6 and 19 to 20, and spikes where contracts of 12 months end; (n_rows, 36)."""
    hazard = np.full(_MONTHS, 0.010)
    hazard[3:6], hazard[18:20], hazard[[11, 23]] = 0.030, 0.025, 0.08
    return 1 / (1 + np.exp(-(np.log(hazard / (1 - hazard)) + 0.5 * x[:, None])))


def leaves_within(hazards: np.ndarray, tenure: int, horizon: int) -> float:
    """The mean chance to leave."""
    return float((1 - np.prod(1 - hazards[:, tenure : tenure + horizon], axis=1)).mean())


def peaks_drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Feature and target of n customers, lost from sight after 6 to 36 months."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal(n)
    event, time = first_event(monthly_hazards(x), generator)
    lost = generator.integers(6, _MONTHS + 1, n)
    return x[:, None], survival_target(event & (time <= lost), np.minimum(time, lost))


def peaks_expected(n: float = 40_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Feature, target and weight: each fate as often as it is expected among n customers, so that nothing is drawn."""
    x = ndtri((np.arange(15) + 0.5) / 15)
    hazards = monthly_hazards(x)
    survival = np.cumprod(1 - hazards, axis=1)
    before = np.column_stack([np.ones(15), survival[:, :-1]])
    month = np.arange(1, _MONTHS + 1)
    left = before * hazards * np.clip((_MONTHS - month + 1) / 31, 0, 1)
    lost = survival * (month >= 6) / 31
    weight = np.concatenate([left, lost], axis=1).ravel() * n / 15
    event = np.tile(np.repeat([1, 0], _MONTHS), 15)
    kept = weight > 0
    y = survival_target(event[kept], np.tile(month, 30)[kept])
    return np.repeat(x, 2 * _MONTHS)[kept, None], y, weight[kept]


def first_event(hazards: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Whether and in which period each row leaves; the last one if it does not."""
    leaves = generator.random(hazards.shape) < hazards
    event = leaves.any(axis=1)
    return event, np.where(event, leaves.argmax(axis=1) + 1, hazards.shape[1])


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv.gz", keep_default_na=False, na_values=[""])


def recidivism(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """1,445 former prisoners, months until they return."""
    frame = read(folder, "recid_wooldridge")
    columns = "black alcohol drugs super married felon workprg property person priors educ rules age tserved"
    return frame[columns.split()].to_numpy(float), survival_target(frame["cens"] == 0, frame["durat"])


def rotterdam(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """2,982 patients, days until death."""
    frame = read(folder, "rotterdam_survivalR")
    X = frame[["year", "age", "meno", "grade", "nodes", "pgr", "er", "hormon", "chemo"]].astype(float)
    X = X.assign(middle=frame["size"] == "20-50", large=frame["size"] == ">50")
    return X.to_numpy(float), survival_target(frame["death"] == 1, frame["dtime"])


def telco(folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """7,032 customers, months with the company; those of month 0 have not been watched."""
    frame = read(folder, "telco_ibm")
    frame = frame[frame["tenure"] > 0]
    columns = frame.drop(columns=["customerID", "tenure", "Churn", "TotalCharges"])
    # "No internet service" and the like say the same thing in every column.
    X = pd.get_dummies(columns.replace({"No internet service": "No", "No phone service": "No"}), drop_first=True)
    return X.astype(float), survival_target(frame["Churn"] == "Yes", frame["tenure"])


def open_university(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """29,496 enrolments, days from the start of the course until they withdraw; who registers late enters late."""
    keys = ["code_module", "code_presentation"]
    frame = read(folder, "oulad_student_registration").merge(read(folder, "oulad_student"), on=[*keys, "id_student"])
    frame = frame.merge(read(folder, "oulad_course"), on=keys)
    length = frame["module_presentation_length"]
    end = frame["date_unregistration"].where(frame["date_unregistration"] <= length)
    entry = frame["date_registration"].fillna(0).clip(lower=0)
    kept = end.fillna(length) > entry
    named = ["code_module", "code_presentation", "gender", "highest_education", "age_band", "imd_band", "disability"]
    X = pd.get_dummies(frame[named], drop_first=True).astype(float)
    X = X.assign(attempts=frame["num_of_prev_attempts"], credits=frame["studied_credits"])
    X = X.assign(early=-frame["date_registration"].fillna(-60))
    y = survival_target(end.notna()[kept], end.fillna(length)[kept], entry=entry[kept])
    return X[kept].to_numpy(float), y
