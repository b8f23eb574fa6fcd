"""Benchmarks, run by `make bench`; figures they gave are in docs/benchmarks.md."""
