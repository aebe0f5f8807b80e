"""Codes stand above noise, tie in a fixed order, and change only for a reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churnlib.exceptions import DataError, DuplicateError, ParameterError, ParameterTypeError, SchemaError
from churnlib.reasons import NO_DOMINANT_REASON, Reason, ReasonCatalog, ReasonCodes, reason_codes

CATALOG = ReasonCatalog(
    {"fee": "PRC01", "rise": "PRC02", "calls": "SRV02", "rival": "CMP01", "days": "ENG02", "age": "PRF01"}
)
NAMES = ["fee", "rise", "calls", "rival", "days", "age", "mystery"]


def frame(**columns: list[float]) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    index = pd.Index([f"c{i}" for i in range(n)], name="customer_id")
    return pd.DataFrame({name: columns.get(name, [0.0] * n) for name in NAMES}, index=index)


def first(codes: ReasonCodes) -> list[str]:
    return codes.summary["code"].tolist()


def test_columns_of_a_theme_are_summed_and_the_heaviest_reason_names_it() -> None:
    codes = reason_codes(frame(fee=[0.1], rise=[0.2], calls=[0.25]), CATALOG)
    assert codes.frame[["rank", "theme", "code", "feature"]].to_numpy().tolist() == [
        [1, "price", "PRC02", "rise"],
        [2, "service_quality", "SRV02", "calls"],
    ]
    assert codes.frame["contribution"].round(9).tolist() == [0.3, 0.25]
    assert codes.summary["n_reasons"].tolist() == [2]


def test_below_the_least_effect_there_is_no_dominant_reason() -> None:
    codes = reason_codes(frame(fee=[0.0999, 0.1, -2.0]), CATALOG, language="zh")
    assert first(codes) == [NO_DOMINANT_REASON, "PRC01", NO_DOMINANT_REASON]
    assert codes.summary["n_reasons"].tolist() == [0, 1, 0]
    assert codes.frame.loc["c0", "text"] == "无明显的主要原因"
    assert codes.frame.loc["c1", "text"] == "价格太高"
    assert np.isnan(codes.frame.loc["c0", "contribution"])
    assert codes.sentence.startswith("1 of 3 customers have a dominant reason, most often Price (100%)")
    assert "nobody" not in repr(codes)


def test_nothing_at_all_is_a_sentence_too() -> None:
    assert reason_codes(frame(fee=[0.0]), CATALOG).sentence.startswith("0 of 1 customers have a dominant reason;")


def test_equal_contributions_are_ordered_as_the_catalogue_is() -> None:
    codes = reason_codes(frame(age=[0.3], days=[0.3], rival=[0.3], calls=[0.1 + 0.2], fee=[0.3]), CATALOG, top=9)
    assert codes.frame["code"].tolist() == ["PRC01", "SRV02", "CMP01", "ENG02", "PRF01"]
    assert reason_codes(frame(fee=[0.2], rise=[0.2]), CATALOG).frame["code"].tolist() == ["PRC01"]


def test_unmapped_columns_are_a_reason_of_their_own_and_counted() -> None:
    codes = reason_codes(frame(mystery=[0.6], fee=[0.2]), CATALOG)
    assert first(codes) == ["OTH00"]
    assert codes.mapped_share == pytest.approx(0.25)
    assert codes.coverage.loc["mystery", "theme"] == "other"


def test_the_lever_is_the_strongest_reason_somebody_can_move() -> None:
    data = frame(age=[0.9, 0.9, 0.2], rival=[0.4, 0.0, 0.0], fee=[0.3, 0.05, 0.0], rise=[0.0, 0.15, 0.0])
    codes = reason_codes(data, CATALOG)
    assert first(codes) == ["PRF01", "PRF01", "PRF01"]
    assert codes.summary["lever"].tolist() == ["CMP01", "PRC02", None]
    assert codes.summary["lever_text"].tolist()[0] == "Better offer of a competitor"
    assert np.isnan(codes.summary["lever_contribution"].iloc[2])
    ruled = reason_codes(data, CATALOG.revise("CMP01", controllable="uncontrollable"))
    assert ruled.summary["lever"].tolist() == ["PRC01", "PRC02", None]


def test_noise_between_bags_silences_a_reason() -> None:
    data = frame(fee=[0.4], calls=[0.3])
    quiet = [frame(fee=[0.4 + shake], calls=[0.3 + 5 * shake]) for shake in (-0.04, 0.0, 0.04)]
    codes = reason_codes(data, CATALOG, bags=quiet)
    # the spread of price is .04 and of service .2: .4 > 2 × .04, but .3 < 2 × .2
    assert codes.frame["code"].tolist() == ["PRC01"]
    assert codes.frame["standard_error"].tolist() == [pytest.approx(0.04)]
    assert reason_codes(data, CATALOG, bags=quiet, noise=1.0).frame["code"].tolist() == ["PRC01", "SRV02"]
    loud = [frame(fee=[value]) for value in (0.0, 0.4, 0.8)]
    assert first(reason_codes(frame(fee=[0.4]), CATALOG, bags=loud)) == [NO_DOMINANT_REASON]


# --- hysteresis ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calls", "code", "kept"),
    [(0.29, "PRC01", False), (0.3, "PRC01", False), (0.35, "PRC01", True), (0.3501, "SRV02", False)],
)
def test_a_newcomer_must_exceed_the_incumbent_by_the_margin(calls: float, code: str, kept: bool) -> None:
    codes = reason_codes(frame(fee=[0.3], calls=[calls]), CATALOG, previous=pd.Series({"c0": "PRC01"}), margin=0.05)
    assert first(codes) == [code]
    assert codes.summary["kept"].tolist() == [kept]


@pytest.mark.parametrize(("fee", "code"), [(0.05, "PRC01"), (0.0499, NO_DOMINANT_REASON)])
def test_an_incumbent_stays_a_little_below_the_gate(fee: float, code: str) -> None:
    assert first(reason_codes(frame(fee=[fee]), CATALOG, previous=pd.Series({"c0": "PRC01"}))) == [code]


@pytest.mark.parametrize(("fee", "code"), [(0.1499, NO_DOMINANT_REASON), (0.15, "PRC01")])
def test_no_reason_is_an_incumbent_too(fee: float, code: str) -> None:
    assert first(reason_codes(frame(fee=[fee]), CATALOG, previous=pd.Series({"c0": NO_DOMINANT_REASON}))) == [code]


def test_inside_a_theme_the_code_is_stable_too() -> None:
    data = frame(fee=[0.3], rise=[0.34])
    assert first(reason_codes(data, CATALOG)) == ["PRC02"]
    assert first(reason_codes(data, CATALOG, previous=pd.Series({"c0": "PRC01"}))) == ["PRC01"]
    assert first(reason_codes(frame(fee=[0.3], rise=[0.4]), CATALOG, previous=pd.Series({"c0": "PRC01"}))) == ["PRC02"]


def test_the_list_keeps_its_members_too() -> None:
    data = frame(fee=[0.5], calls=[0.3], rival=[0.32])
    assert reason_codes(data, CATALOG, top=2).codes.tolist() == ["PRC01", "CMP01"]
    before = pd.Series(["PRC01", "SRV02"], index=["c0", "c0"])
    assert reason_codes(data, CATALOG, top=2, previous=before).codes.tolist() == ["PRC01", "SRV02"]


def test_noise_knows_no_incumbents() -> None:
    loud = [frame(fee=[value]) for value in (0.0, 0.4, 0.8)]
    codes = reason_codes(frame(fee=[0.4]), CATALOG, bags=loud, previous=pd.Series({"c0": "PRC01"}))
    assert first(codes) == [NO_DOMINANT_REASON]


def test_customers_are_met_by_name_and_newcomers_have_no_past() -> None:
    before = reason_codes(frame(fee=[0.3, 0.0], calls=[0.0, 0.3]), CATALOG)
    now = frame(fee=[0.3, 0.3, 0.3], calls=[0.32, 0.32, 0.32]).iloc[[2, 1, 0]]
    codes = reason_codes(now, CATALOG, previous=before)
    assert codes.summary["code"].to_dict() == {"c2": "SRV02", "c1": "SRV02", "c0": "PRC01"}


def test_rows_named_by_customer_and_cutoff_are_met_by_customer() -> None:
    def at(day: str, fee: float) -> pd.DataFrame:
        index = pd.MultiIndex.from_tuples([("c0", pd.Timestamp(day))], names=["customer_id", "cutoff"])
        return frame(fee=[fee], calls=[0.3]).set_axis(index, axis=0)

    before = reason_codes(at("2025-01-01", 0.4), CATALOG)
    assert first(reason_codes(at("2025-02-01", 0.28), CATALOG, previous=before)) == ["PRC01"]
    assert first(reason_codes(at("2025-02-01", 0.28), CATALOG)) == ["SRV02"]


# each example is thirty customers, so a few do
few = settings(max_examples=max(8, settings.default.max_examples // 6))


def drawn(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    # few distinct values, so that ties and exact margins are common
    rows = rng.integers(-4, 5, (30, len(NAMES))) * 0.05
    return pd.DataFrame(rows, columns=NAMES, index=pd.Index(range(30), name="customer_id"))


@few
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_change_always_exceeds_the_margin(then: int, now: int) -> None:
    before = reason_codes(drawn(then), CATALOG)
    after = reason_codes(drawn(now), CATALOG, previous=before, margin=0.05)
    for customer, was, code in zip(after.summary.index, before.summary["code"], after.summary["code"], strict=True):
        if NO_DOMINANT_REASON in (was, code) or CATALOG[was].theme == CATALOG[code].theme:
            continue
        themes = after.themes.loc[customer]
        old, new = themes[CATALOG[was].theme], themes[CATALOG[code].theme]
        assert new - old > 0.05 + 1e-9 or old < 0.05 - 1e-9


@few
@given(st.integers(0, 10**6))
def test_the_same_again_changes_nothing(seed: int) -> None:
    data = drawn(seed)
    one = reason_codes(data, CATALOG)
    pd.testing.assert_frame_equal(one.frame, reason_codes(data[NAMES[::-1]], CATALOG).frame, check_exact=True)
    again = reason_codes(data, CATALOG, previous=one)
    pd.testing.assert_series_equal(again.codes, one.codes)
    assert not again.summary["kept"].any()


# --- what cannot work ------------------------------------------------------------------------


def test_wrong_input_is_named() -> None:
    data = frame(fee=[0.3, 0.4])
    with pytest.raises(DuplicateError, match=r"1 of 1 customers stand in several rows .c0."):
        reason_codes(data.iloc[[0, 0]], CATALOG, previous=pd.Series({"c0": "PRC01"}))
    with pytest.raises(SchemaError, match="customers are unknown"):
        reason_codes(data.rename_axis(None), CATALOG, previous=pd.Series({"c0": "PRC01"}))
    with pytest.raises(ParameterError, match=r"previous holds 1 codes that the catalogue does not have .PRC0; did you"):
        reason_codes(data, CATALOG, previous=pd.Series({"c0": "PRC0"}))
    with pytest.raises(ParameterTypeError, match="previous is a dict"):
        reason_codes(data, CATALOG, previous={"c0": "PRC01"})  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="there are 1 bags"):
        reason_codes(data, CATALOG, bags=[data])
    with pytest.raises(ParameterTypeError, match="bags is a DataFrame"):
        reason_codes(data, CATALOG, bags=data)  # type: ignore[arg-type]
    with pytest.raises(SchemaError, match=r"bags\[1\] differs from contributions in 1 columns .fee"):
        reason_codes(data, CATALOG, bags=[data, data.drop(columns="fee")])
    with pytest.raises(DataError, match=r"bags\[0\] explains 1 rows and contributions 2"):
        reason_codes(data, CATALOG, bags=[data.iloc[:1], data])
    for name, value in {"top": 0, "min_effect": -0.1, "noise": -1.0, "margin": -0.1, "language": "de"}.items():
        with pytest.raises(ParameterError, match=f"{name}="):
            reason_codes(data, CATALOG, **{name: value})  # type: ignore[arg-type]


def test_a_reason_without_a_column_now_is_no_incumbent() -> None:
    own = [Reason(code=code, theme=code.lower(), text={"en": code}) for code in ("PRC01", "OLD")]
    catalog = ReasonCatalog({"fee": "PRC01"}, reasons=own)
    codes = reason_codes(frame(fee=[0.3])[["fee"]], catalog, previous=pd.Series({"c0": "OLD"}))
    assert first(codes) == ["PRC01"]
