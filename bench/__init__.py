"""Benchmarks, each beside its peer or its floor, on one machine in one run: `python -m bench --help`."""
