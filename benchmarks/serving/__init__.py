"""`make bench`: Nevus and other ways to serve the same model, in turn, on the same photos."""
