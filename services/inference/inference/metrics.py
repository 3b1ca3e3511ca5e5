"""What `/metrics` shows; docs/inference.md has a line for each."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("nevus_inference_requests", "Inference requests, by how they ended", ["outcome"])
WAITING = Gauge("nevus_inference_waiting", "Requests that wait for an interpreter")
SECONDS = Histogram(
    "nevus_inference_seconds",
    "Time of one measurement: decoding, forward pass and pixel measures",
    buckets=(0.002, 0.004, 0.006, 0.008, 0.012, 0.016, 0.024, 0.032, 0.064, 0.128, 0.256, 1.0),
)
REFRESHES = Counter("nevus_inference_refreshes", "Channel seen to have moved, by what came of it", ["outcome"])
CANARIES = Counter("nevus_inference_canaries", "Canaries by what came of them", ["outcome"])
READY = Gauge("nevus_inference_ready", "1 when a version is loaded and warm and new work is taken")
