"""Speed benchmarks: one script per claim. Each measures a ratio within one run."""
