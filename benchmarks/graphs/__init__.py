"""Graph networks: training loops, made-up sets of graphs, and tables."""
