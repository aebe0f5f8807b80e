"""The gain curve, its intervals and its band."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from churnlib.exceptions import ParameterError, ParameterTypeError
from churnlib.metrics._uplift_curve import uplift_curve
from churnlib.metrics._uplift_score import autoc_score, auuc_score, qini_score
from churnlib.metrics._uplift_top import uplift_at_k_interval
from tests.metrics.uplift_worlds import RETAINED, SCORE, TREATED, campaign


def test_the_curve_at_every_row_holds_the_areas() -> None:
    arms = {"treatment": TREATED, "propensity": 0.5}
    curve = uplift_curve(RETAINED, SCORE, points=12, **arms)
    gain, treated = curve["gain"].to_numpy(), curve["treated"].to_numpy()
    area = ((gain[1:] + gain[:-1]) / 2 * np.diff(treated)).sum()
    assert area == pytest.approx(auuc_score(RETAINED, SCORE, **arms), abs=1e-12)
    random = curve["at_random"].to_numpy()
    assert area - random.mean() == pytest.approx(qini_score(RETAINED, SCORE, **arms), abs=1e-12)
    assert curve["toc"][1:].mean() == pytest.approx(autoc_score(RETAINED, SCORE, **arms), abs=1e-12)
    assert np.isnan(curve["toc"][0])
    assert curve["toc"][12] == 0.0
    assert (gain[0], curve["standard_error"][0], curve["band_high"][0]) == (0.0, 0.0, 0.0)


def test_each_point_is_a_list() -> None:
    rows = campaign(np.random.default_rng(0), 400, levels=2, repeated=True)
    arms = {"treatment": rows["treatment"], "propensity": "estimate", "customer": rows["owner"]}
    curve = uplift_curve(rows["outcome"], rows["score"], points=5, **arms)
    for place in range(1, 6):
        top = uplift_at_k_interval(rows["outcome"], rows["score"], k=place / 5, **arms)
        assert curve["gain"][place] == pytest.approx(top.value * place / 5)
        assert curve["standard_error"][place] == pytest.approx(top.standard_error * place / 5, rel=1e-9)
    assert (curve["band_low"] <= curve["low"]).all()
    assert (curve["high"] <= curve["band_high"]).all()


def test_one_point_has_a_band_as_wide_as_its_interval() -> None:
    rows = campaign(np.random.default_rng(1), 200)
    curve = uplift_curve(rows["outcome"], rows["score"], treatment=rows["treatment"], propensity=0.5, points=1)
    assert curve["band_high"][1] == pytest.approx(curve["high"][1], rel=0.05)
    nothing = uplift_curve(rows["outcome"] * 0, rows["score"], treatment=rows["treatment"], propensity=0.5, points=2)
    assert nothing["band_high"].tolist() == [0.0, 0.0, 0.0]


def coverage(repetitions: int) -> tuple[float, float]:
    """Share of the bands that hold the whole true curve, and their mean width."""
    big = [campaign(np.random.default_rng([2, part]), 300_000) for part in range(3)]
    truth = np.mean(
        [
            uplift_curve(rows["outcome"], rows["score"], treatment=rows["treatment"], propensity=0.5, points=10)["gain"]
            for rows in big
        ],
        axis=0,
    )
    held, width = 0, 0.0
    for repetition in range(repetitions):
        rows = campaign(np.random.default_rng([zlib.crc32(b"band of gain"), repetition]), 800)
        curve = uplift_curve(rows["outcome"], rows["score"], treatment=rows["treatment"], propensity=0.5, points=10)
        held += bool(((curve["band_low"] <= truth) & (truth <= curve["band_high"])).all())
        width += float((curve["band_high"] - curve["band_low"]).mean())
    return held / repetitions, width / repetitions


def test_coverage_of_the_band(record_property) -> None:
    held, width = coverage(400)
    record_property("width", width)
    record_property("coverage", held)
    assert 0.91 <= held <= 0.9825


@pytest.mark.slow
def test_coverage_of_the_band_in_full(record_property) -> None:
    held, width = coverage(2000)
    record_property("width", width)
    record_property("coverage", held)
    assert 0.9335 <= held <= 0.9655


def test_bad_input_is_named() -> None:
    arms = {"treatment": TREATED, "propensity": 0.5}
    with pytest.raises(ParameterError, match="points=0 is out of range"):
        uplift_curve(RETAINED, SCORE, points=0, **arms)
    with pytest.raises(ParameterTypeError, match=r"points is 2\.5"):
        uplift_curve(RETAINED, SCORE, points=2.5, **arms)
    with pytest.raises(ParameterError, match="confidence is 2"):
        uplift_curve(RETAINED, SCORE, confidence=2, **arms)
