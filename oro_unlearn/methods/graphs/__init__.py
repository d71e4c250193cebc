"""Graph networks for nodes, edges and graphs: plain training, GPL and SES."""
