"""What holds for every feature there is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from churnlib.features import Facts, Feature
from churnlib.features._spec import _FEATURES
from tests.features.test_spec import ALL


def test_every_feature_is_tried_here():
    assert {type(feature).__name__ for feature in ALL} == set(_FEATURES)
    ours = {cls for cls in Feature.__subclasses__() if cls.__module__.startswith("churnlib.")}
    assert {cls.__name__ for cls in ours} == set(_FEATURES)


@pytest.mark.parametrize("feature", list(ALL), ids=lambda f: f.name)
def test_a_feature_is_a_frozen_value(feature):
    same = type(feature)(**{f.name: getattr(feature, f.name) for f in dataclasses.fields(feature)})
    assert same == feature
    assert hash(same) == hash(feature)
    assert not hasattr(feature, "__dict__")


@pytest.mark.parametrize("feature", list(ALL), ids=lambda f: f.name)
def test_a_feature_says_its_unit_its_nulls_and_its_meaning(feature):
    for text in (feature.unit, feature.nulls, feature.meaning):
        assert text
        assert not text.endswith(".")


@pytest.mark.parametrize("feature", list(ALL), ids=lambda f: f.name)
def test_finishing_nothing_gives_nothing_and_warns_of_nothing(feature):
    nothing = tuple(np.array([], np.int64) for _ in feature.raws())
    assert len(feature.finish(nothing, Facts(np.array([], np.int64), categories={"plan": np.array(["a"])}))) == 0


@pytest.mark.parametrize("feature", list(ALL), ids=lambda f: f.name)
def test_finishing_changes_no_raw_column(feature):
    raws = tuple(np.array([1, 0, 1]) for _ in feature.raws())
    for raw in raws:
        raw.setflags(write=False)
    facts = Facts(np.array([10**15] * 3), categories={"plan": np.array(list("abcd"))})
    assert len(feature.finish(raws, facts)) == 3
