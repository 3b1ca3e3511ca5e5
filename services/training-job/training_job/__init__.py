"""Training, evaluation and promotion of the models of Nevus."""
