"""MLServer: a custom runtime, one parallel worker a core, a photo in base64 as its protocol has it."""

from __future__ import annotations

from lesion import Litert, from_bytes
from mlserver import MLModel
from mlserver.codecs import Base64Codec, NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from numpy import array


class Lesion(MLModel):
    """One interpreter a worker."""

    async def load(self) -> bool:
        """Load."""
        self.model = Litert()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """One photo."""
        (photo,) = self.decode(payload.inputs[0], default_codec=Base64Codec)
        logit = array([[self.model.logit(from_bytes(photo))]])
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("logit", logit)])
