"""Every option of CoxModel beside R's coxph, survfit and cox.zph, run live."""

import numpy as np
import pandas as pd
import pytest

from churnlib.survival import CoxModel, proportional_hazards_test, schoenfeld_residuals
from churnlib.targets import survival_target
from tests.survival.cox_worlds import world
from tests.survival.r_survival import run_r

X_NAMES = ["x1", "x2", "x3"]

PROGRAM = """
fits <- list(
  efron = coxph(Surv(time, event) ~ x1 + x2 + x3, d, weights = weight, robust = FALSE, control = tight),
  breslow = coxph(Surv(time, event) ~ x1 + x2 + x3, d, weights = weight, robust = FALSE, ties = "breslow",
    control = tight),
  all = coxph(Surv(entry, time, event) ~ x1 + x2 + x3 + strata(stratum), d, weights = weight, robust = FALSE,
    control = tight),
  all_breslow = coxph(Surv(entry, time, event) ~ x1 + x2 + x3 + strata(stratum), d, weights = weight, robust = FALSE,
    ties = "breslow", control = tight),
  robust = coxph(Surv(time, event) ~ x1 + x2 + x3, d, weights = weight, robust = TRUE, control = tight),
  cluster = coxph(Surv(entry, time, event) ~ x1 + x2 + x3 + strata(stratum), d, weights = weight,
    cluster = customer, control = tight),
  cluster_breslow = coxph(Surv(time, event) ~ x1 + x2 + x3, d, ties = "breslow", cluster = customer, control = tight)
)
for (name in names(fits)) {
  fit <- fits[[name]]
  show(paste0(name, ".coef"), coef(fit))
  show(paste0(name, ".se"), sqrt(diag(vcov(fit))))
  show(paste0(name, ".loglik"), fit$loglik)
}
ridge <- coxph(Surv(entry, time, event) ~ ridge(x1, x2, x3, theta = 7.5, scale = FALSE), d, control = tight)
show("ridge.coef", coef(ridge))

new <- data.frame(x1 = c(0, 1), x2 = c(0, -1), x3 = c(0, 1))
plain <- coxph(Surv(entry, time, event) ~ x1 + x2 + x3, d, weights = weight, control = tight)
show("curve.times", survfit(plain, newdata = new)$time)
show("curve.breslow", survfit(plain, newdata = new, stype = 2, ctype = 1)$surv)
show("curve.efron", survfit(plain, newdata = new, stype = 2, ctype = 2)$surv)
show("curve.kalbfleisch-prentice", survfit(plain, newdata = new, stype = 1, ctype = 1)$surv)
base <- basehaz(fits$all, centered = FALSE)
show("base.hazard", base$hazard)
show("base.time", base$time)
show("base.stratum", as.integer(sub("stratum=", "", as.character(base$strata))))
for (transform in c("km", "rank", "identity", "log")) {
  zph <- cox.zph(fits$efron, transform = transform)
  show(paste0("zph.", transform), zph$table[, "chisq"])
  zph <- cox.zph(fits$all, transform = transform)
  show(paste0("zph_all.", transform), zph$table[, "chisq"])
}
show("schoenfeld", residuals(coxph(Surv(time, event) ~ x1 + x2 + x3, d, control = tight), "schoenfeld"))
"""


@pytest.fixture(scope="module")
def rows():
    return world(300, 17)


@pytest.fixture(scope="module")
def r(rows, tmp_path_factory):
    return run_r(PROGRAM, tmp_path_factory.mktemp("r"), d=rows.frame())


def _data(rows, *, everything: bool):
    frame = rows.frame()
    columns = [*X_NAMES, "stratum"] if everything else X_NAMES
    return frame[columns], survival_target(frame["event"], frame["time"], entry=frame["entry"] if everything else None)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("efron", {}),
        ("breslow", {"ties": "breslow"}),
        ("all", {"strata": "stratum"}),
        ("all_breslow", {"strata": "stratum", "ties": "breslow"}),
        ("robust", {"covariance": "robust"}),
        ("cluster", {"strata": "stratum", "covariance": "cluster"}),
        ("cluster_breslow", {"ties": "breslow", "covariance": "cluster"}),
    ],
)
def test_coefficients_errors_and_likelihood(rows, r, name, options):
    X, y = _data(rows, everything="strata" in options)
    groups = rows.customer if options.get("covariance") == "cluster" else None
    weight = None if name == "cluster_breslow" else rows.weight
    model = CoxModel(**options).fit(X, y, weight, groups=groups)
    assert model.converged_
    np.testing.assert_allclose(model.coef_, r[f"{name}.coef"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(model.standard_errors_, r[f"{name}.se"], rtol=0, atol=1e-9)
    np.testing.assert_allclose([model.loglik_null_, model.loglik_], r[f"{name}.loglik"], rtol=1e-11)


def test_a_ridge(rows, r):
    frame = rows.frame()
    y = survival_target(frame["event"], frame["time"], entry=frame["entry"])
    model = CoxModel(alpha=7.5 / frame["event"].sum()).fit(frame[X_NAMES], y)
    np.testing.assert_allclose(model.coef_, r["ridge.coef"], rtol=0, atol=1e-7)


@pytest.mark.parametrize("baseline", ["breslow", "efron", "kalbfleisch-prentice"])
def test_three_baselines(rows, r, baseline):
    frame = rows.frame()
    y = survival_target(frame["event"], frame["time"], entry=frame["entry"])
    model = CoxModel(baseline=baseline).fit(frame[X_NAMES], y, rows.weight)
    new = pd.DataFrame({"x1": [0.0, 1.0], "x2": [0.0, -1.0], "x3": [0.0, 1.0]})
    mine = model.predict_survival_function(new, r["curve.times"])
    np.testing.assert_allclose(mine, r[f"curve.{baseline}"].reshape(2, -1), rtol=0, atol=1e-8)


def test_the_baseline_of_each_stratum(rows, r):
    X, y = _data(rows, everything=True)
    model = CoxModel(strata="stratum").fit(X, y, rows.weight)
    at_zero = np.exp(-model.means_ @ model.coef_)
    for stratum, curve in model.baseline_.items():
        here = r["base.stratum"] == stratum
        mine = curve(r["base.time"][here]) * at_zero
        np.testing.assert_allclose(mine, r["base.hazard"][here], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("transform", ["km", "rank", "identity", "log"])
def test_proportional_hazards(rows, r, transform):
    for everything, name in ((False, "zph"), (True, "zph_all")):
        X, y = _data(rows, everything=everything)
        model = CoxModel(strata="stratum" if everything else None).fit(X, y, rows.weight)
        table = proportional_hazards_test(model, X, y, sample_weight=rows.weight, transform=transform)
        np.testing.assert_allclose(table["chisq"], r[f"{name}.{transform}"], rtol=1e-7)


def test_schoenfeld_residuals(rows, r):
    X, y = _data(rows, everything=False)
    mine = schoenfeld_residuals(CoxModel().fit(X, y), X, y)
    its = r["schoenfeld"].reshape(3, -1).T
    order = np.lexsort((*its.T, mine.index.get_level_values("time")))
    mine = mine.to_numpy()[np.lexsort((*mine.to_numpy().T, mine.index.get_level_values("time")))]
    np.testing.assert_allclose(mine, its[order], atol=1e-9)


# ------------------------------------------------------------------ R's own data


@pytest.fixture(scope="module")
def mgus2(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mgus2")
    run_r(f"write.csv(mgus2, {str(folder / 'mgus2.csv')!r}, row.names = FALSE)", folder)
    frame = pd.read_csv(folder / "mgus2.csv").dropna(subset=["age", "sex", "mspike"])
    frame["cause"] = np.where(frame["pstat"] == 1, 1, 2 * frame["death"])
    frame["months"] = np.where(frame["pstat"] == 1, frame["ptime"], frame["futime"])
    return frame.assign(male=(frame["sex"] == "M").astype(int))


@pytest.mark.parametrize(
    ("cause", "coefficients"),
    [(1, [0.01635219, -0.00503002, 0.88407807]), (2, [0.06520030, 0.38889888, -0.05926027])],
)
def test_cause_specific_hazards_of_mgus2(mgus2, cause, coefficients):
    y = survival_target(mgus2["cause"] == cause, mgus2["months"])
    model = CoxModel().fit(mgus2[["age", "male", "mspike"]], y)
    np.testing.assert_allclose(model.coef_, coefficients, atol=1e-8)
    assert len(mgus2) == 1373
