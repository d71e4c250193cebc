"""Reliability tests: kills, hostile files, several processes, many requests. They write results/reliability_*.json."""
