"""What a step of training minimises, and at which rate."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from training_job.batches import UNKNOWN
from training_job.plan import Plan


def schedule(plan: Plan) -> keras.optimizers.schedules.LearningRateSchedule:
    """A short warm-up, then a cosine down to almost nothing."""
    warm = max(1, plan.steps // 20)
    return keras.optimizers.schedules.CosineDecay(
        plan.rate / 20, max(1, plan.steps - warm), alpha=0.01, warmup_target=plan.rate, warmup_steps=warm
    )


def loss(outputs: dict[str, Any], batch: dict[str, Any], plan: Plan) -> Any:
    """Cross entropy of malignancy, of the diagnosis where known, and the share of evidence away from the lesion."""
    target = batch["malignant"] * (1 - 2 * plan.smoothing) + plan.smoothing
    malignant = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(target, outputs["logit"]))
    known = tf.cast(batch["diagnosis"] != UNKNOWN, tf.float32)
    label = tf.maximum(batch["diagnosis"], 0)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(label, outputs["diagnosis"])
    evidence = tf.abs(outputs["cam"])
    total = tf.reduce_sum(evidence, axis=(1, 2)) + 0.1 * tf.cast(tf.size(evidence[0]), tf.float32)
    away = tf.reduce_sum(evidence * batch["outside"], axis=(1, 2)) / total
    return (
        malignant
        + plan.diagnosis_weight * _mean_where(entropy, known)
        + plan.evidence_weight * _mean_where(away, batch["masked"])
    )


def _mean_where(values: Any, known: Any) -> Any:
    return tf.reduce_sum(values * known) / tf.maximum(tf.reduce_sum(known), 1.0)
