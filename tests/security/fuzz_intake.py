"""Atheris on the intake, led by the coverage of Pillow's parsers (`python -m tests.security.fuzz_intake FOLDER`).

Anything but a clean photo or a refusal ends it: what is raised, what crashes, what is not a picture.
"""

from __future__ import annotations

import sys
import warnings

import atheris

with atheris.instrument_imports(include=["PIL", "gateway"]):
    from PIL import Image
    from tests.security.hostile_files import only_pixels

    from gateway.intake_worker import Clean, clean
    from gateway.problems import TYPES


def one(data: bytes) -> None:
    """Raises AssertionError for an answer that there must not be."""
    answer = clean(data)
    assert only_pixels(answer.jpeg) if isinstance(answer, Clean) else answer.problem in TYPES


def main() -> None:
    """As libFuzzer's options say."""
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
