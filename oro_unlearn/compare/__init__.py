"""The comparison: every method under one data path, one tuning budget and one audit."""
