"""LitServe: one worker process a core, decoding in the workers."""

import os

import litserve as ls
from lesion import Litert, Pixels, from_bytes


class Lesion(ls.LitAPI):
    """One interpreter a worker."""

    def setup(self, device: str) -> None:  # noqa: ARG002  # LitServe names it
        """Load."""
        self.model = Litert()

    def decode_request(self, request: ls.Request) -> Pixels:
        """Of a form with `image`."""
        return from_bytes(request["image"].file.read())

    def predict(self, x: Pixels) -> float:
        """One photo."""
        return self.model.logit(x)

    def encode_response(self, output: float) -> dict[str, float]:
        """As JSON."""
        return {"logit": output}


if __name__ == "__main__":
    server = ls.LitServer(Lesion(), accelerator="cpu", workers_per_device=int(os.environ["BENCH_WORKERS"]))
    server.run(host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), log_level="warning", generate_client_file=False)
