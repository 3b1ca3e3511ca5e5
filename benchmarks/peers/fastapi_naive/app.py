"""The few lines that most tutorials show: FastAPI over `model.predict`."""

from __future__ import annotations

from fastapi import FastAPI, UploadFile
from lesion import from_bytes
from lesion_keras import Keras

app = FastAPI()
model = Keras()


@app.post("/predict")
async def predict(image: UploadFile) -> dict[str, float]:
    """One photo."""
    return {"logit": model.logit(from_bytes(await image.read()))}
