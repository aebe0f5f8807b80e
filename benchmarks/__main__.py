"""Run every benchmark of this folder; `python -m benchmarks clv` those whose name contains a word."""

import sys

from benchmarks import (
    bench_alerts,
    bench_allocate,
    bench_clv,
    bench_clv_discrete,
    bench_clv_gammagamma,
    bench_clv_paretonbd,
    bench_compiled,
    bench_features,
    bench_holdout,
    bench_online,
    bench_profit,
    bench_resampling,
    bench_rfm_summary,
    bench_stream,
    bench_survival_cox,
    bench_survival_discrete,
    bench_survival_kaplan_meier,
    bench_survival_metrics,
    bench_uplift_forest,
    bench_uplift_metrics,
    bench_uplift_real,
    bench_warnings,
)

ALL = (
    bench_features,
    bench_rfm_summary,
    bench_clv,
    bench_clv_gammagamma,
    bench_clv_paretonbd,
    bench_clv_discrete,
    bench_holdout,
    bench_profit,
    bench_compiled,
    bench_resampling,
    bench_survival_cox,
    bench_survival_discrete,
    bench_survival_kaplan_meier,
    bench_survival_metrics,
    bench_online,
    bench_alerts,
    bench_stream,
    bench_warnings,
    bench_uplift_metrics,
    bench_uplift_forest,
    bench_uplift_real,
    bench_allocate,
)

words = sys.argv[1:]
sys.argv = sys.argv[:1]
for module in ALL:
    if not words or any(word in module.__name__ for word in words):
        module.main()
