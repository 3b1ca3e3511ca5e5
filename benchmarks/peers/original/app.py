"""A Flask application over Keras, one model a uWSGI process."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request
from lesion import from_bytes
from lesion_keras import Keras

app = Flask(__name__)
model = Keras()


@app.post("/predict")
def predict() -> Response:
    """One photo."""
    return jsonify(logit=model.logit(from_bytes(request.files["image"].read())))
