"""The embedding in Spark tells what the same rules tell in one process, and goes on after a stop."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "services" / "spark_alerts.py"
MARCH = 1_740_787_200_000_000
DAY = 86_400_000_000
OTHER = [{"kind": ""}, {"kind": None}, {"kind": "order", "time": None}, {"kind": "order", "time": 2**62}]


def java_version() -> int:
    java = shutil.which("java")
    if java is None:
        return 0
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


@pytest.fixture(scope="module")
def embedding():
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'churnlib[spark]'")
    pytest.importorskip("google.protobuf", reason="Spark's state store speaks protobuf: pip install protobuf")
    if java_version() < 17:
        pytest.skip("Spark wants a Java runtime of version 17 or later (Debian: openjdk-17-jre-headless)")
    found = importlib.util.spec_from_file_location("spark_alerts", SCRIPT)
    module = importlib.util.module_from_spec(found)
    sys.modules["spark_alerts"] = module
    found.loader.exec_module(module)
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(module)  # the workers do not find this file by name
    return module


def stories(n_customers: int = 12, days: int = 75) -> list[dict[str, object]]:
    """Customers who order at a pace of their own, and some of whom stop."""
    rng = np.random.default_rng(5)
    events = []
    for customer in range(n_customers):
        stops = days if customer % 2 else 25
        times = np.cumsum(rng.exponential(2.0 + customer, 60)) * DAY
        events += [{"customer_id": customer, "kind": "order", "time": MARCH + int(t)} for t in times if t < stops * DAY]
    events += [{"customer_id": 99, "kind": "visit", "time": MARCH + k * DAY + 1} for k in range(days)]  # the clock
    return sorted(events, key=lambda event: event["time"])


def in_one_process(embedding, events) -> set[tuple[object, ...]]:
    import churnlib as cl

    told: set[tuple[object, ...]] = set()
    last = max(event["time"] for event in events)
    for customer in {event["customer_id"] for event in events}:
        features, alerts = cl.OnlineFeatures(embedding.SPEC, kind="kind"), embedding.RULES.online()
        own = [event for event in events if event["customer_id"] == customer]
        midnights = range((own[0]["time"] // DAY + 1) * DAY, last + 1, DAY)
        for at, event in sorted(
            [(event["time"], event) for event in own] + [(at, None) for at in midnights], key=lambda x: x[0]
        ):
            if event is None:
                features.tick(at)
            else:
                features.update(event)
            now = features.now.value // 1000
            step = alerts.step(customer, features.features(customer, now), now)
            told |= {(customer, alert.rule, alert.level, reason, now) for alert, reason in step.notifications}
    return told


def test_spark_tells_what_one_process_tells(embedding, tmp_path):
    events = stories()
    (tmp_path / "in").mkdir()
    spark = embedding.session()
    spark.sparkContext.setLogLevel("OFF")
    spark.conf.set("spark.sql.streaming.maxFilesPerTrigger", 1)

    def run(part: list[dict[str, object]], name: str) -> None:
        torn = [
            {"customer_id": 1},
            {"kind": "order", "time": MARCH},
            *({"customer_id": 1, "time": MARCH} | each for each in OTHER),
        ]
        (tmp_path / "in" / name).write_text("\n".join(["{torn", *map(json.dumps, torn + part)]))
        read = spark.readStream.schema("customer_id long, kind string, time long").json(str(tmp_path / "in"))
        write = embedding.alerts_of(read).writeStream.format("json").option("path", str(tmp_path / "out"))
        write.option("checkpointLocation", str(tmp_path / "at")).trigger(availableNow=True).start().awaitTermination()

    try:  # three runs of the query: it is stopped twice and goes on from the state store
        thirds = [round(len(events) * k / 3) for k in range(4)]
        for k, (begin, end) in enumerate(itertools.pairwise(thirds)):
            run(events[begin:end], f"{k}.json")
    finally:
        spark.stop()
    lines = [json.loads(line) for path in (tmp_path / "out").glob("*.json") for line in path.read_text().splitlines()]
    found = [(one["customer_id"], one["rule"], one["level"], one["reason"], one["at"]) for one in lines]
    assert len(found) == len(set(found)) >= 8
    assert set(found) == in_one_process(embedding, events)
