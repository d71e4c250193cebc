"""What happens when things go wrong: kills, hostile files, several processes, many requests; results/reliability_*.json."""
