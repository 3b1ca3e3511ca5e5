"""The `monitoring` part of `/v1/stats` as it stands in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from nevus.outcomes import WARNING

SHARE_EXAMPLE = {"n": 42, "value": 0.9048, "interval": [0.7793, 0.9623]}
FEW_EXAMPLE: dict[str, Any] = {"n": 12, "value": None, "interval": [0.7575, 1.0]}
REPORT_EXAMPLE: dict[str, Any] = {
    "as_of": "2026-02-05T10:00:00Z",
    "counted_until": "2026-02-05T09:48:12Z",
    "alerts": [
        {
            "week": "2026-W06",
            "version": "20260131T080000Z-1a2b3c",
            "modality": "clinical",
            "measure": "brightness",
            "psi": 0.3164,
        }
    ],
    "drift": [
        {
            "week": "2026-W06",
            "version": "20260131T080000Z-1a2b3c",
            "modality": "clinical",
            "n": 420,
            "decisions": {"refer": 160, "routine": 260},
            "reference": True,
            "level": "drift",
            "measures": [
                {
                    "measure": "brightness",
                    "n": 420,
                    "level": "drift",
                    "psi": 0.3469,
                    "corrected": 0.3164,
                    "chance": 0.0729,
                    "ks": 0.2412,
                }
            ],
        }
    ],
    "outcomes": [
        {
            "version": "20260131T080000Z-1a2b3c",
            "week": None,
            "confirmed": 100,
            "malignant": 42,
            "unanswered": 2,
            "sensitivity": SHARE_EXAMPLE,
            "specificity": SHARE_EXAMPLE,
            "ppv": SHARE_EXAMPLE,
            "npv": FEW_EXAMPLE,
        }
    ],
    "outcomes_limited": False,
    "outcomes_warning": WARNING,
}
