"""Records that lie where a compiled model could go wrong: on thresholds and beside them, missing, unseen, huge."""

import decimal

import numpy as np
import pandas as pd

HUGE = [1e30, -1e30, 1e-30, -1e-300, 0.0, -0.0, 2.0**53 + 2]


def pool_of(column):
    """Values of a column that are worth trying."""
    if column.categories is None:
        edge = np.array(column.cuts or [0.0])
        beside = [edge, np.nextafter(edge, -np.inf), np.nextafter(edge, np.inf), edge.astype(np.float32)]
        return [*np.concatenate(beside).astype(float).tolist(), *HUGE, 7, -3, True, False, None, float("nan")]
    return [
        *column.categories,
        *column.categories,
        None,
        float("nan"),
        "never seen",
        "",
        3,
        3.0,
        decimal.Decimal("2.50"),
    ]


def odd_records(scorer, n, *, seed=0):
    """n records of a scorer's columns, drawn evenly from the pools."""
    rng = np.random.default_rng(seed)
    pools = {column.name: pool_of(column) for column in scorer._reader.columns}
    return [{name: pool[rng.integers(len(pool))] for name, pool in pools.items()} for _ in range(n)]


def as_frame(records, scorer):
    """The same as a table: numbers as float64, categories as objects."""
    data = {}
    for column in scorer._reader.columns:
        values = [record[column.name] for record in records]
        if column.categories is None:
            data[column.name] = np.array([np.nan if value is None else float(value) for value in values])
        else:
            data[column.name] = pd.Series(values, dtype=object)
    return pd.DataFrame(data)
