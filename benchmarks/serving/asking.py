"""The first answer of a stack, and whether its answers are those of the model that all serve."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
from benchmarks.serving.processes import Running
from benchmarks.serving.setting import Setting
from benchmarks.serving.stacks import Stack

START_WITHIN = 300.0  # seconds
REFUSALS = 2000  # answers of a server that is not ready yet, at most
RESULT = (200, 201)
OTHER_MODEL = 1.0  # a logit's difference that no way to scale a photo makes


class Failed(Exception):
    """A stack that does not start or answer, or answers wrongly."""


def first_answer(stack: Stack, setting: Setting, port: int, running: Running, log: Path) -> httpx.Response:
    """The first answer with a result; raises Failed."""
    said, refused = "no answer", 0
    deadline = time.monotonic() + START_WITHIN
    with client_of(port) as client:
        while time.monotonic() < deadline and refused < REFUSALS and not running.ended():
            try:
                answer = post(client, stack, setting, 0)
            except httpx.HTTPError:
                time.sleep(0.02)
                continue
            if answer.status_code in RESULT:
                return answer
            said, refused = f"{answer.status_code} {answer.text[:200]}", refused + 1
            time.sleep(0.1)
    raise Failed(f"{said}; its log ends with: {log.read_text(errors='replace')[-1500:]}")


def checked(stack: Stack, setting: Setting, port: int) -> tuple[float | None, float | None]:
    """Logit of the first photo, and the largest difference of all photos' from a plain loop's; raises Failed.

    None of a stack that tells no logit: its records have to be complete and name the version.
    """
    logits = []
    with client_of(port) as client:
        for number in range(len(setting.photos)):
            try:
                answer = post(client, stack, setting, number)
                logits.append(stack.form.logit(dict(answer.headers), answer.content))
                wrong = stack.whole and not assessed(answer, setting)
            except (httpx.HTTPError, LookupError, TypeError, ValueError, StopIteration) as error:
                raise Failed(f"photo {number} has no answer that can be read: {error!r}") from error
            if answer.status_code not in RESULT or wrong:
                raise Failed(f"photo {number} is answered {answer.status_code} {answer.text[:200]}")
    pairs = zip(logits, setting.logits, strict=True)
    differences = [abs(told - expected) for told, expected in pairs if told is not None]
    if differences and max(differences) > OTHER_MODEL:
        raise Failed(f"its logits differ by up to {max(differences):.3f}: another model, or other photos")
    return logits[0], max(differences, default=None)


def client_of(port: int) -> httpx.Client:
    """Of this machine."""
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60)


def post(client: httpx.Client, stack: Stack, setting: Setting, number: int) -> httpx.Response:
    """Send a photo as the load generator does; raises httpx.HTTPError."""
    headers, body = stack.form.pack(setting.photos[number])
    if stack.whole:
        headers = headers | {"Authorization": f"Bearer {setting.tokens[0]}"}
    return client.post(stack.path, content=body, headers=headers)


def assessed(answer: httpx.Response, setting: Setting) -> bool:
    """Whether a record is complete, by the version that all serve; raises ValueError, LookupError, TypeError."""
    told = answer.json()
    return told["status"] == "complete" and told["model"]["version"] == setting.version.name
