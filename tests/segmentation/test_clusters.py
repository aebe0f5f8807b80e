"""Clusters by k-means: their number, their order, and what is frozen."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

from churnlib.exceptions import DataError, ParameterError, SchemaError
from churnlib.segmentation import RFMClusterSegmenter, rfm_table

CENTERS = np.array([[150.0, 1, 30], [20, 4, 300], [5, 30, 4000]])


def shop(n: int = 300, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Three kinds of customers far apart on a logarithmic scale, and which kind each is."""
    rng = np.random.default_rng(seed)
    kind = np.sort(rng.integers(0, 3, n))
    values = CENTERS[kind] * rng.lognormal(0, 0.15, (n, 3))
    index = pd.Index(np.arange(n), name="customer_id")
    return pd.DataFrame(values, columns=["recency_days", "n_orders", "spend_total"], index=index), kind


class TestChoice:
    @pytest.mark.parametrize("scaling", ["log", "rank"])
    def test_three_kinds_are_found_and_numbered_by_spend(self, scaling):
        X, kind = shop()
        model = RFMClusterSegmenter(scaling=scaling).fit(X)
        assert model.n_clusters_ == 3
        assert (model.labels_ == kind).all()
        assert model.selection_["k"].tolist() == list(range(2, 9))
        assert model.selection_["chosen"].tolist() == [False, True] + [False] * 5
        assert model.selection_.loc[1, "stability"] == 1

    def test_the_table_is_that_of_scikit_learn(self):
        X, _ = shop()
        model = RFMClusterSegmenter(k_range=(2, 4)).fit(X)
        logs = np.log1p(X.sort_values(X.columns.tolist()).to_numpy())
        scaled = (logs - logs.mean(axis=0)) / logs.std(axis=0)
        for row in model.selection_.itertuples():
            peer = KMeans(row.k, n_init=10, random_state=0).fit(scaled)
            assert row.inertia == pytest.approx(peer.inertia_)
            assert row.silhouette == pytest.approx(silhouette_score(scaled, peer.labels_))

    def test_the_order_of_the_customers_leaves_no_trace(self):
        rng = np.random.default_rng(1)  # no kinds at all: a fit by the order of the rows chooses another k
        orders = np.where(rng.random(600) < 0.7, 1, rng.integers(2, 20, 600))
        X = pd.DataFrame({"days": rng.integers(0, 400, 600), "orders": orders, "money": rng.lognormal(3, 1, 600)})
        turned = rng.permutation(600)
        model, other = (RFMClusterSegmenter(k_range=(2, 4)).fit(rows) for rows in (X, X.iloc[turned]))
        assert other.cluster_centers_.tobytes() == model.cluster_centers_.tobytes()
        pd.testing.assert_frame_equal(other.selection_, model.selection_)
        assert (other.labels_ == model.labels_[turned]).all()
        assert (model.labels_ == model.predict(X)).all()
        assert model.profile_["customers"].tolist() == np.bincount(model.labels_).tolist()

    def test_inertia_falls_with_every_k(self):
        table = RFMClusterSegmenter().fit(shop()[0]).selection_
        assert (table["inertia"].diff().dropna() < 0).all()

    def test_stability_goes_before_silhouette_and_the_most_stable_is_the_last_resort(self):
        X = pd.DataFrame(np.random.default_rng(3).normal(size=(200, 4)), columns=list("abcd"))
        found = RFMClusterSegmenter(scaling="none", min_stability=1.0).fit(X).selection_
        assert (found["stability"] < 1).all()
        assert found.loc[found["chosen"], "stability"].item() == found["stability"].max()
        loose = RFMClusterSegmenter(scaling="none", min_stability=0.0).fit(X).selection_
        assert loose.loc[loose["chosen"], "silhouette"].item() == loose["silhouette"].max()

    def test_a_k_of_one_s_own_is_shown_too(self):
        model = RFMClusterSegmenter(5).fit(shop()[0])
        assert model.selection_["k"].tolist() == [5]
        assert model.selection_["chosen"].tolist() == [True]
        assert np.unique(model.labels_).tolist() == [0, 1, 2, 3, 4]

    def test_one_cluster_stands_apart_from_nothing(self):
        model = RFMClusterSegmenter(1).fit(shop()[0])
        assert np.isnan(model.selection_.loc[0, "silhouette"])
        assert model.selection_.loc[0, "stability"] == 1

    def test_a_sample_serves_where_there_are_many(self):
        X, kind = shop(2000)
        model = RFMClusterSegmenter(sample_rows=200).fit(X)
        assert model.n_clusters_ == 3
        assert (model.labels_ == kind).all()
        assert model.selection_.loc[1, "silhouette"] == pytest.approx(
            RFMClusterSegmenter(3).fit(X).selection_.loc[0, "silhouette"], abs=0.03
        )

    def test_no_more_clusters_than_different_customers(self):
        X = pd.DataFrame({"a": [1.0, 1, 1, 5, 5, 9]})
        assert RFMClusterSegmenter().fit(X).selection_["k"].tolist() == [2, 3]
        with pytest.raises(DataError, match="4 clusters were asked for, and 3 of the customers are different"):
            RFMClusterSegmenter(4).fit(X)
        with pytest.raises(DataError, match="2 clusters were asked for, and 1 of the customers are different"):
            RFMClusterSegmenter().fit(X * 0)


class TestFrozen:
    def test_new_customers_are_measured_by_the_old_scale(self):
        X, _ = shop()
        model = RFMClusterSegmenter().fit(X)
        assert model.predict(pd.DataFrame(CENTERS, columns=X.columns)).tolist() == [0, 1, 2]
        alone = X.iloc[[0]] * 0 + CENTERS[2]
        assert model.predict(alone).tolist() == [2]

    @given(
        values=st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), scaling=st.sampled_from(["log", "rank", "none"])
    )
    def test_any_customer_has_one_cluster(self, values, scaling):
        model = MODELS[scaling]
        row = pd.DataFrame([values], columns=["recency_days", "n_orders", "spend_total"])
        (label,) = model.predict(row).tolist()
        assert 0 <= label < 3
        assert model.predict(pd.concat([row, shop(20)[0]]))[0] == label

    def test_the_rows_of_the_fit_are_predicted_as_they_were_labelled(self):
        X, _ = shop()
        model = RFMClusterSegmenter().fit(X)
        np.testing.assert_array_equal(model.predict(X), model.labels_)
        np.testing.assert_array_equal(RFMClusterSegmenter().fit_predict(X), model.labels_)

    def test_columns_are_taken_by_name(self):
        X, _ = shop()
        model = RFMClusterSegmenter(3).fit(X.assign(note="x"))
        assert model.columns_ == ("recency_days", "n_orders", "spend_total")
        np.testing.assert_array_equal(model.predict(X[X.columns[::-1]]), model.labels_)
        np.testing.assert_array_equal(model.predict(pl.from_pandas(X).lazy()), model.labels_)

    def test_columns_can_be_chosen(self):
        X, kind = shop()
        model = RFMClusterSegmenter(3, columns=["spend_total", "n_orders"], order_by="n_orders").fit(X)
        assert model.columns_ == ("spend_total", "n_orders")
        assert (model.labels_ == kind).all()

    def test_numbers_follow_the_column_asked_for(self):
        X, kind = shop()
        assert (RFMClusterSegmenter(3, order_by="recency_days").fit(X).labels_ == 2 - kind).all()

    def test_the_last_column_orders_where_there_is_no_spend(self):
        X, kind = shop()
        assert (RFMClusterSegmenter(3).fit(X.to_numpy()).labels_ == kind).all()

    def test_the_pickle_holds_labels_and_no_rows(self):
        X, _ = shop(3000)
        stored = pickle.dumps(RFMClusterSegmenter(3).fit(X))
        assert len(stored) < 3000 * 8 + 8_000
        np.testing.assert_array_equal(pickle.loads(stored).predict(X), RFMClusterSegmenter(3).fit(X).labels_)


MODELS = {scaling: RFMClusterSegmenter(3, scaling=scaling).fit(shop()[0]) for scaling in ("log", "rank", "none")}


class TestProfile:
    def test_centres_are_in_the_units_of_the_columns(self):
        X, kind = shop()
        profile = RFMClusterSegmenter().fit(X).profile_
        assert profile["customers"].tolist() == np.bincount(kind).tolist()
        assert profile["share"].sum() == pytest.approx(1)
        expected = np.expm1(np.log1p(X).groupby(kind).mean())
        np.testing.assert_allclose(profile[X.columns], expected)
        np.testing.assert_allclose(profile[X.columns], CENTERS, rtol=0.1)

    def test_without_a_scale_they_are_means(self):
        X, _ = shop()
        model = RFMClusterSegmenter(3, scaling="none").fit(X)
        np.testing.assert_allclose(model.profile_[X.columns], X.groupby(model.labels_).mean())


class TestDeterminism:
    def test_equal_rows_give_equal_bytes(self):
        X, _ = shop()
        one, other = (RFMClusterSegmenter().fit(X) for _ in range(2))
        assert one.cluster_centers_.tobytes() == other.cluster_centers_.tobytes()
        pd.testing.assert_frame_equal(one.selection_, other.selection_, check_exact=True)

    def test_the_seed_is_obeyed(self):
        X = pd.DataFrame(np.random.default_rng(0).normal(size=(300, 3)))
        X.columns = list("abc")
        tables = [RFMClusterSegmenter(6, random_state=seed).fit(X).selection_ for seed in (1, 1, 2)]
        pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)
        assert tables[0]["stability"].item() != tables[2]["stability"].item()
        state = RFMClusterSegmenter(6, random_state=np.random.RandomState(0)).fit(X)
        again = RFMClusterSegmenter(6, random_state=np.random.RandomState(0)).fit(X)
        pd.testing.assert_frame_equal(state.selection_, again.selection_, check_exact=True)

    def test_the_number_of_threads_does_not_matter(self):
        program = (
            "import numpy as np, hashlib; from churnlib.segmentation import RFMClusterSegmenter as S; "
            "X = np.random.default_rng(0).lognormal(size=(20_000, 3)); "
            "m = S(4, n_init=2, n_refits=1).fit(X); "
            "told = m.selection_.to_json(double_precision=15).encode(); "
            "print(hashlib.sha256(m.cluster_centers_.tobytes() + told).hexdigest())"
        )
        said = {
            subprocess.run(
                [sys.executable, "-c", program],
                env={**os.environ, "OMP_NUM_THREADS": threads, "PYTHONPATH": os.pathsep.join(sys.path)},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for threads in ("1", "4")
        }
        assert len(said) == 1


class TestErrors:
    def test_missing_numbers_are_named(self):
        X, _ = shop()
        X.loc[3, "n_orders"] = np.nan
        with pytest.raises(DataError, match=r"column 'n_orders' is missing \(NaN\) in 1 of 300 rows \(row 3\)"):
            RFMClusterSegmenter().fit(X)
        with pytest.raises(DataError, match="column 'n_orders' is missing"):
            MODELS["log"].predict(X)

    def test_texts_are_no_numbers(self):
        X, _ = shop()
        with pytest.raises(SchemaError, match="column 'spend_total' holds"):
            RFMClusterSegmenter().fit(X.assign(spend_total="x"))

    def test_a_column_must_be_there(self):
        with pytest.raises(SchemaError, match="the frame has no column 'n_orders'"):
            MODELS["log"].predict(shop()[0].drop(columns="n_orders"))
        with pytest.raises(ParameterError, match=r"order_by='spend' is no column \(did you mean 'spend_total'"):
            RFMClusterSegmenter(order_by="spend").fit(shop()[0])

    @pytest.mark.parametrize("k_range", [(1, 5), (5, 2), (2,), (2, 3, 4), (2.5, 4)])
    def test_a_range_that_is_none(self, k_range):
        with pytest.raises(ParameterError, match="is no pair of ascending whole numbers from 2 on"):
            RFMClusterSegmenter(k_range=k_range).fit(shop()[0])

    @pytest.mark.parametrize("options", [{"n_clusters": 0}, {"scaling": "sqrt"}, {"n_init": 0}, {"sample_rows": 9}])
    def test_arguments_out_of_range(self, options):
        with pytest.raises(ValueError, match=f"The '{next(iter(options))}' parameter of RFMClusterSegmenter"):
            RFMClusterSegmenter(**options).fit(shop()[0])


def test_a_real_shop(online_retail):
    table = rfm_table(online_retail, cutoff="2011-12-01", negative="refund", period="D")
    model = RFMClusterSegmenter().fit(table)
    shown = model.selection_.set_index("k")
    # Customers of a shop are a cloud: only two halves of it are found again in every half of the customers.
    assert model.n_clusters_ == 2
    assert shown.loc[2, "stability"] > 0.9
    assert shown["silhouette"].max() < 0.5
    low, high = model.profile_["spend_total"]
    assert high > 5 * low
    assert model.profile_["recency_days"].is_monotonic_decreasing
    four = RFMClusterSegmenter(4).fit(table)
    assert table["spend_total"].groupby(four.labels_).mean().is_monotonic_increasing
    later = rfm_table(online_retail, negative="refund", period="D")
    moved = pd.Series(model.predict(later), index=later.index).reindex(table.index)
    assert adjusted_rand_score(model.labels_, moved) > 0.7
