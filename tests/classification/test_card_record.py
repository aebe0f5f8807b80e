import json

import numpy as np
import pandas as pd
import pytest

from churnlib.classification._card_record import decision_of, evaluation_of, plain, texts_of
from churnlib.economics import RetentionOffer
from churnlib.exceptions import ParameterTypeError

MANY = RetentionOffer(accept_rate=0.3, clv=pd.Series(np.linspace(50, 500, 2000)), offer_cost=10, contact_cost=1)


class Judged:
    sentence = "Of 10 rows 3 churned."

    def to_dict(self):
        return {"auc": np.float64(0.75), "low": np.nan}


def test_everything_becomes_what_json_knows():
    found = plain({"a": np.int64(3), 1: [np.nan, np.inf, None, True, "x"], "f": len, "e": ({"z": np.float32(0.5)},)})
    assert json.loads(json.dumps(found)) == {"a": 3, "1": [None, None, None, True, "x"], "f": "len", "e": [{"z": 0.5}]}


def test_quantiles_of_thresholds_are_those_of_the_customers():
    decision = decision_of(MANY)
    expected = np.quantile(MANY.threshold(MANY.clv.to_numpy()), [0.01, 0.5, 0.99])
    np.testing.assert_allclose([decision["quantiles"][place] for place in (0, 5, 10)], expected, rtol=5e-3)
    assert (decision["kind"], decision["customers"], decision["never_pays"]) == ("by customer", 2000, 0.0)


def test_where_nobody_pays_there_are_no_quantiles():
    decision = decision_of(RetentionOffer(accept_rate=0.3, clv=pd.Series([1.0, 2.0]), offer_cost=10))
    assert (decision["never_pays"], decision["quantiles"]) == (1.0, [])


def test_whatever_speaks_for_itself_is_an_evaluation():
    assert evaluation_of(Judged()) == {"auc": 0.75, "low": None, "sentence": Judged.sentence, "limits": None}


def test_what_does_not_is_refused():
    with pytest.raises(ParameterTypeError, match="evaluation is a Series"):
        evaluation_of(pd.Series([1]))
    with pytest.raises(ParameterTypeError, match="data_licence is a int, name is a list"):
        texts_of([], data_licence=1, name=["a"], window=None)
    with pytest.raises(ParameterTypeError, match=r"limits is \{'a'\}"):
        texts_of({"a"})
