"""The ports' adapters; only these touch files, databases, the cloud and the inference runtime."""
