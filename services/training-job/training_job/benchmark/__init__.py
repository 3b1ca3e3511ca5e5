"""One fixed workload of training and evaluation, run anywhere, measured, and reported side by side."""
