"""Run every benchmark of this folder."""

from benchmarks.bench_features import main

main()
