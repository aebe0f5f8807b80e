"""A candidate timed in a process of its own: seconds, peak memory, and a digest of the result.

Run as ``python -m benchmarks.child '{"candidate": ..., ...}'``; prints one line of JSON.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import features_churnlib, features_pandas, features_sql

Job = dict[str, Any]
Prepared = tuple[Callable[[], Any], Callable[[Any], dict[str, np.ndarray]]]


def sql(job: Job, query: Callable[..., str]) -> Prepared:
    """DuckDB from Parquet to an Arrow table."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"set threads = {job['threads']}")
    text = query(f"'{job['path']}'", distinct=job["distinct"], cutoffs=job["cutoffs"])
    return lambda: connection.sql(text).to_arrow_table(), _from_arrow


def from_parquet(job: Job) -> Prepared:
    """Churnlib from Parquet to the integers."""
    path, options = Path(job["path"]), {"distinct": job["distinct"]}

    def run() -> Any:
        log = features_churnlib.read(path, **options)
        block = features_churnlib.features(log, cutoffs=job["cutoffs"], n_jobs=job["threads"], **options)
        return log, block

    return run, lambda result: features_churnlib.as_columns(*result)


def from_log(job: Job) -> Prepared:
    """Churnlib from an EventLog that is ready to the integers."""
    log = features_churnlib.read(Path(job["path"]), distinct=job["distinct"])

    def run() -> Any:
        return features_churnlib.features(log, cutoffs=job["cutoffs"], n_jobs=job["threads"], distinct=job["distinct"])

    return run, lambda block: features_churnlib.as_columns(log, block)


def finished(job: Job) -> Prepared:
    """Churnlib from a ready EventLog to the frame of finished features."""
    run, columns = from_log(job)

    def frame() -> Any:
        block = run()
        return block, block.frame

    return frame, lambda result: columns(result[0])


def pandas(job: Job) -> Prepared:
    """Pandas from a frame in memory."""
    import pyarrow.parquet as pq

    events = pq.read_table(job["path"]).to_pandas()
    return lambda: features_pandas.features(events, distinct=job["distinct"], cutoffs=job["cutoffs"]), _from_pandas


CANDIDATES: dict[str, Callable[[Job], Prepared]] = {
    "sql": lambda job: sql(job, features_sql.one_scan_per_cutoff),
    "sql, one scan": lambda job: sql(job, features_sql.one_scan),
    "from Parquet": from_parquet,
    "from a ready log": from_log,
    "finished frame": finished,
    "pandas": pandas,
}


def _from_arrow(table: Any) -> dict[str, np.ndarray]:
    return {name: table[name].to_numpy() for name in table.column_names}


def _from_pandas(frame: Any) -> dict[str, np.ndarray]:
    return {name: frame[name].to_numpy() for name in frame.columns}


def digest(columns: dict[str, np.ndarray]) -> str:
    """Hash all values as int64, rows by customer and cutoff, columns by name."""
    as_int = {
        name: (values.astype("M8[us]") if values.dtype.kind == "M" else values).astype(np.int64)
        for name, values in columns.items()
    }
    order = np.lexsort((as_int["cutoff"], as_int["customer_id"]))
    state = hashlib.sha256()
    for name in sorted(as_int):
        state.update(name.encode())
        state.update(as_int[name][order].tobytes())
    return state.hexdigest()


def peak_mib() -> float:
    """Most memory this process has held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def main(job: Job) -> None:
    """Warm up on a small file, so that no import is timed; then time two executions."""
    candidate = CANDIDATES[job["candidate"]]
    candidate({**job, "path": job["warm_path"]})[0]()
    run, columns = candidate(job)
    seconds = cpu = float("inf")
    result: Any = None
    for _ in range(2):  # the first execution also pays for memory the system has not handed out yet
        result = None
        wall_before, cpu_before = time.perf_counter(), time.process_time()
        result = run()
        seconds = min(seconds, time.perf_counter() - wall_before)
        cpu = min(cpu, time.process_time() - cpu_before)
    peak = peak_mib()
    values = columns(result)
    print(
        json.dumps(
            {"seconds": seconds, "cpu": cpu, "mib": peak, "rows": len(values["cutoff"]), "digest": digest(values)}
        )
    )


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
