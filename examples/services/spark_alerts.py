"""Early warning inside Spark structured streaming: what is known of each customer lies in Spark's state store.

    python examples/services/spark_alerts.py events/

reads files of JSON lines (``customer_id``, ``kind``, ``time`` in microseconds since 1970) as they appear in a folder
and prints what is to be told. It wants ``pip install 'churnlib[spark]'`` and a Java 17 runtime.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.streaming import StatefulProcessor

import churnlib as cl
from churnlib.alerts import OnlineAlerts, Rule, RuleSet

DAY = 86_400_000_000  # microseconds
READABLE = "customer_id IS NOT NULL AND kind <> '' AND time BETWEEN 0 AND 253402214400000000"  # a torn line is all NULL
SPEC = cl.FeatureSpec([cl.features.Recency("order"), cl.features.Count("30d", kind="order")])
RULES = RuleSet(
    [
        Rule("silent", 1, "order.recency >= 30d", clear="order.recency < 7d", cooldown="14d"),
        Rule("cools", 2, "order.recency >= 14d and order.count.30d <= 1", for_="2d"),
    ]
).bind(SPEC)


# -- the embedding ------------------------------------------------------------------------------


class Alerts(StatefulProcessor):
    """Features and alerts of one customer at a time: asked at each event, and at the end of each day."""

    def init(self, handle: Any) -> None:  # noqa: D102
        self.handle, self.kept = handle, handle.getValueState("kept", "features binary, alerts binary")

    def handleInputRows(self, key: Any, rows: Iterator[Row], timerValues: Any) -> Iterator[Row]:  # noqa: ARG002, D102, N802
        yield from self._told(key[0], sorted(rows, key=lambda row: row.time), 0)

    def handleExpiredTimer(self, key: Any, timerValues: Any, expiredTimerInfo: Any) -> Iterator[Row]:  # noqa: ARG002, D102, N802
        yield from self._told(key[0], [], timerValues.getCurrentWatermarkInMs() * 1000)

    def _told(self, customer: Any, rows: list[Row], until: int) -> Iterator[Row]:
        features, alerts = cl.OnlineFeatures(SPEC, kind="kind"), RULES.online()
        for part, kept in zip((features, alerts), self.kept.get() or (), strict=False):
            part.from_bytes(bytes(kept))
        for row in rows:
            yield from self._days(customer, features, alerts, row.time)
            features.update(row.asDict())
            yield from self._asked(customer, features, alerts)
        yield from self._days(customer, features, alerts, until)
        self.kept.update((features.to_bytes(customer), alerts.to_bytes(customer)))
        self.handle.registerTimer(_next_day(features) // 1000)

    def _days(self, customer: Any, features: cl.OnlineFeatures, alerts: OnlineAlerts, until: int) -> Iterator[Row]:
        while customer in features and _next_day(features) <= until:  # Spark runs timers after rows: days come first
            features.tick(_next_day(features))
            yield from self._asked(customer, features, alerts)

    def _asked(self, customer: Any, features: cl.OnlineFeatures, alerts: OnlineAlerts) -> Iterator[Row]:
        now = _clock(features)
        for alert, reason in alerts.step(customer, features.features(customer, now), now).notifications:
            yield Row(customer_id=customer, rule=alert.rule, level=alert.level, reason=reason, at=now)


def _clock(features: cl.OnlineFeatures) -> int:
    return 0 if features.now is None else features.now.value // 1000


def _next_day(features: cl.OnlineFeatures) -> int:
    return (_clock(features) // DAY + 1) * DAY


def alerts_of(events: DataFrame) -> DataFrame:
    """Return what is to be told of a stream of events; the clock is the watermark of their times."""
    timed = (
        events.where(READABLE).selectExpr("*", "timestamp_micros(time) AS clock").withWatermark("clock", "0 seconds")
    )
    columns = "customer_id long, rule string, level int, reason string, at long"
    return timed.groupBy("customer_id").transformWithState(Alerts(), columns, "append", "eventTime")


# -- running it ---------------------------------------------------------------------------------


def session() -> SparkSession:
    """Return a local session with the state store that `transformWithState` asks for."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    store = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    builder = SparkSession.builder.master("local[2]").config("spark.sql.shuffle.partitions", 2)
    builder = builder.config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
    return builder.config("spark.sql.streaming.stateStore.providerClass", store).getOrCreate()


def main(folder: str) -> None:
    spark = session()
    events = spark.readStream.schema("customer_id long, kind string, time long").json(folder)
    alerts_of(events).writeStream.format("console").outputMode("append").start().awaitTermination()


if __name__ == "__main__":
    main(*sys.argv[1:])
