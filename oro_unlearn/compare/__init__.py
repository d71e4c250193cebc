"""The comparison: every method with the same data path, tuning budget and audit."""
