"""Run Nevus on this computer: both services under one supervisor, until Ctrl-C.

Settings: HOST (127.0.0.1), PORT (8080), DATA_DIR (.nevus), NEVUS_ADMIN_KEY (the first admin's API key).
"""

from __future__ import annotations

import http.client
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from nevus.lifetime import follow_parent
from preflight import ROOT, Settings, StartError, check_port, claim, read_settings, socket_folder
from seeding import seed_models
from supervisor import Service, rotate, stop

READY_WITHIN = 120.0  # seconds
DEATHS_BEFORE_READY = 5
UNNEEDED = ("NEVUS_ADMIN_KEY", "MODEL_SIGNING_KEY")  # that inference has no use for
STOP_WITHIN = 10.0
NO_MODEL = "There is no model to serve in {models}: train one with `make train DATA=manifest.csv`, then `make run`."


class Nevus:
    """Both services, from start to stop."""

    def __init__(self, settings: Settings) -> None:
        """Starts nothing yet."""
        self._settings = settings
        self._models = settings.data / "models"
        self._logs = settings.data / "logs"
        self._stopping = threading.Event()
        folder, self._temporary = socket_folder(settings.data)
        path = folder / "inference.sock"
        common = {
            **os.environ,
            "NEVUS_FOLLOW_PARENT": "1",
            "DATA_DIR": str(settings.data),
            "MODELS_DIR": str(self._models),
        }
        serving = {key: value for key, value in common.items() if key.upper() not in UNNEEDED}
        door = {"HOST": settings.host, "PORT": str(settings.port), "INFERENCE_URL": f"unix:{path}"}
        training = shlex.join([python_of("training"), "-m", "training_job", "retrain"])
        door["TRAINING_COMMAND"] = os.environ.get("TRAINING_COMMAND", training)
        self._at_the_door = {**common, **door}
        self._inference = self._service("inference", {**serving, "UDS": str(path)})
        self._gateway = self._service("gateway", self._at_the_door)

    def _service(self, name: str, environment: dict[str, str]) -> Service:
        command = [python_of(name), "-m", name]
        return Service(name, command, environment, self._logs / f"{name}.log", say)

    def run(self) -> None:
        """Serve until `request_stop`; raises StartError when it does not get ready."""
        try:
            self._seed()
            self._start()
            if self._until_ready():
                self._welcome()
            while not self._stopping.wait(0.1):
                self._tend()
            say("stopping")
        finally:
            stop([self._gateway, self._inference], STOP_WITHIN)
            if self._temporary:
                shutil.rmtree(self._temporary, ignore_errors=True)

    def request_stop(self) -> None:
        """End `run` soon; for a signal handler."""
        self._stopping.set()

    def _seed(self) -> None:
        if os.environ.get("STORAGE", "file") != "file":
            return  # the registry is where the deployment put it
        copied = seed_models(ROOT / "models", self._models, self._settings.data / "run/seed")
        if copied:
            say(f"copied {', '.join(copied)} to {self._models}")
        if not (self._models / "channels/champion.json").exists():
            raise StartError(NO_MODEL.format(models=self._models))

    def _start(self) -> None:
        say(f"starting inference and gateway, logs in {self._logs}")
        for service in (self._inference, self._gateway):
            rotate(service.log)
            service.start()

    def _tend(self) -> None:
        self._inference.tend()
        self._gateway.tend()

    def _until_ready(self) -> bool:
        begun, said = time.monotonic(), 0
        while not self._stopping.wait(0.05):
            if answers(self._settings.address):
                say(f"ready after {time.monotonic() - begun:.1f} s")
                return True
            self._tend()
            waited = time.monotonic() - begun
            for service in (self._inference, self._gateway):
                if service.refuses:
                    raise StartError(tail(service.log, 1))
                if service.deaths >= DEATHS_BEFORE_READY or waited > READY_WITHIN:
                    raise StartError(f"Not ready after {waited:.0f} s; {service.log} ends with:\n{tail(service.log)}")
            if waited // 5 > said:
                said = int(waited // 5)
                say(f"still starting, {waited:.0f} s")
        return False

    def _welcome(self) -> None:
        print(f"\n  Nevus      {self._settings.address}")
        if os.environ.get("IDENTITY") == "oidc":
            print("  sign in    with a token of the issuer, docs/signing-in.md")
        else:
            link = sign_in_link(self._settings.address, self._at_the_door)
            print(f"  sign in    {link}\n             (works once, within 15 minutes)")
        print(f"  logs       {self._logs}\n  Ctrl-C stops it.\n", flush=True)


def say(text: str) -> None:
    """A line on the terminal."""
    print(f"nevus: {text}", flush=True)


def python_of(name: str) -> str:
    """The interpreter of an environment."""
    return str(ROOT / ".venv" / name / "bin/python")


def answers(address: str) -> bool:
    """Whether the gateway and what it needs are ready."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def sign_in_link(address: str, environment: dict[str, str]) -> str:
    """A link for one sign-in as admin, or a sentence where it could not be made."""
    command = [python_of("gateway"), "-m", "gateway.admin", "invite", "--role", "admin", "--base-url", address]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=True)
        return done.stdout.strip().splitlines()[-1]
    except (subprocess.SubprocessError, IndexError) as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1:]
        return f"could not be made: {' '.join(reason)}"


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def main() -> int:
    """Run; returns the exit status."""
    follow_parent()
    try:
        settings = read_settings()
        lock = claim(settings)
        check_port(settings)
        nevus = Nevus(settings)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup stays nohup
                signal.signal(number, lambda *_: nevus.request_stop())
        nevus.run()
        os.close(lock)
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
