"""Several versions, taken or trained, on the same photos and seeds: figures, tests of differences, speed and cost."""
