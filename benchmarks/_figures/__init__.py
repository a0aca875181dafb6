"""Texts whose figures are read from the JSON of the benchmarks."""
