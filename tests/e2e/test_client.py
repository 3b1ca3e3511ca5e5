"""The client and its command against the real service."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from tests.conftest import ROOT
from tests.gateway_process import GatewayProcess
from tests.photos import lesion
from tests.scripted import Answer, Asked, scripted
from typer.testing import CliRunner, Result

from nevus_client import Nevus, Refused
from nevus_client.answers import Decision, Role, Status
from nevus_client.command.app import app

Run = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def models_dir(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry whose channels are moved here."""
    return shutil.copytree(models_dir, tmp_path_factory.mktemp("registry") / "models")


@pytest.fixture(scope="module")
def key(nevus: GatewayProcess) -> str:
    return nevus.admin("create-key", "--role", "client", "--caller", "carla")


@pytest.fixture(scope="module")
def mine(nevus: GatewayProcess, key: str) -> Iterator[Nevus]:
    with Nevus(nevus.url, key) as client:
        yield client


def start(nevus: GatewayProcess, key: str, folder: Path, *words: str, url: str = "") -> subprocess.Popen[str]:
    environment = os.environ | {"NEVUS_KEY": key, "NEVUS_URL": url or nevus.url, "NO_PROXY": "127.0.0.1"}
    environment |= {"PYTHONPATH": f"{ROOT}/clients/python", "PYTHONWARNINGS": "error"}
    whole = [sys.executable, "-m", "nevus_client", *words]
    pipe, none = subprocess.PIPE, subprocess.DEVNULL
    return subprocess.Popen(whole, cwd=folder, env=environment, stdin=none, stdout=pipe, stderr=pipe, text=True)


def command(nevus: GatewayProcess, key: str, folder: Path, *words: str) -> Run:
    with start(nevus, key, folder, *words) as process:
        out, errors = process.communicate()
    assert key not in out + errors
    assert "Traceback" not in errors, errors
    return Run(words, process.returncode, out, errors)


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def passed_on(nevus: GatewayProcess, asked: Asked) -> Answer:
    told = {name: value for name, value in asked.headers.items() if name not in {"content-length", "connection"}}
    real = httpx.request(asked.method, nevus.url + asked.path, headers=told, content=asked.body, trust_env=False)
    return Answer(real.status_code, real.content, {"Content-Type": real.headers.get("content-type", "")})


def blank() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (300, 300), (10, 10, 10)).save(data, "JPEG")
    return data.getvalue()


def test_a_prediction_from_its_photo_to_its_end(mine: Nevus, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(lesion(seed=5))
    made = mine.predict(tmp_path / "a.jpg", modality="clinical", age=54, case_id="case-1", idempotency_key="one")
    assert made.status is Status.COMPLETE
    assert (made.context.age, made.consent.training) == (54, False)
    with (tmp_path / "a.jpg").open("rb") as photo:
        assert mine.predict(photo, modality="clinical", age=54, case_id="case-1", idempotency_key="one") == made
    assert [each.id for each in mine.predictions(case_id="case-1")] == [made.id]
    assert mine.prediction(made.id) == made
    for picture in (mine.photo(made.id), mine.heatmap(made.id)):
        assert Image.open(io.BytesIO(picture)).format == "JPEG"
    mine.delete(made.id)
    with pytest.raises(Refused) as caught:
        mine.prediction(made.id)
    assert (caught.value.status, caught.value.type) == (410, "erased")


def test_a_photo_that_was_sent_ahead(mine: Nevus) -> None:
    upload = mine.upload(lesion((1200, 900), 6))
    made = mine.predict_uploaded(upload, sex="female", consent_training=True)
    assert (made.status, made.context.sex, made.consent.training) == (Status.COMPLETE, "female", True)
    assert mine.predict_uploaded(upload, sex="female", consent_training=True) == made


def test_pages_of_many(mine: Nevus) -> None:
    made = [mine.predict(lesion((120, 90), seed), case_id="many").id for seed in range(3)]
    assert [each.id for each in mine.predictions(case_id="many", page_size=1)] == made[::-1]


def test_what_clinicians_and_admins_may_ask(nevus: GatewayProcess, mine: Nevus) -> None:
    made = mine.predict(lesion(seed=7))
    with pytest.raises(Refused, match="may not"):
        mine.stats()
    with Nevus(nevus.url, nevus.admin("create-key", "--role", "admin")) as admin:
        found = admin.diagnose(made.id, "nevus", malignant=False).diagnosis
        assert found
        assert (found.label, found.role) == ("nevus", Role.ADMIN)
        assert admin.stats().records > 0
        (model,) = admin.registry.models()
        assert admin.registry.model(model.version).manifest.input.side > 0
        assert "<html" in admin.registry.report(model.version)
        assert admin.registry.verdicts(model.version) == ()
        assert admin.registry.channel("champion").version == model.version
        assert admin.registry.move("challenger", model.version).version == model.version
        assert list(admin.training.runs()) == []
        with pytest.raises(Refused) as caught:
            admin.training.start()
        assert caught.value.type == "training-data-missing"


@pytest.mark.parametrize("direct", [False, True])
def test_an_answer_that_is_lost_makes_no_second_record(nevus: GatewayProcess, key: str, direct: bool) -> None:
    """Every first answer to a POST is lost on its way back, after the service has done what was asked."""
    lost: set[str] = set()

    def lossy(asked: Asked) -> Answer | None:
        answer = passed_on(nevus, asked)
        if asked.method == "GET" or asked.path in lost:
            return answer
        lost.add(asked.path)
        return None

    case = f"lossy-{direct}"
    with scripted(lossy) as between, Nevus(between.url, key) as client:
        photo = lesion(seed=8 + direct)
        made = (
            client.predict_uploaded(client.upload(photo), case_id=case)
            if direct
            else client.predict(photo, case_id=case)
        )
        assert [each.id for each in client.predictions(case_id=case)] == [made.id]
        client.delete(made.id)
        assert list(client.predictions(case_id=case)) == []
    assert len(lost) == (4 if direct else 2)


def test_nevus_predict_shows_a_photo_and_says_by_its_status_what_to_do(
    nevus: GatewayProcess, key: str, mine: Nevus, tmp_path: Path
) -> None:
    (tmp_path / "lesion.jpg").write_bytes(lesion(seed=1))
    (tmp_path / "dark.jpg").write_bytes(blank())
    shown = command(nevus, key, tmp_path, "predict", "lesion.jpg", "--age", "12")  # never routine: under 18
    assert shown.returncode == 10, shown.stderr
    assert shown.stdout.startswith("lesion.jpg: refer")
    assert "The model has no evidence for people under 18." in shown.stdout
    assert "Not a medical device" in shown.stdout
    told = command(nevus, key, tmp_path, "predict", "dark.jpg", "--json", "--modality", "clinical")
    made = json.loads(told.stdout)
    assert (told.returncode, made["result"]["decision"]) == (11, Decision.REJECTED)
    assert mine.prediction(made["id"]).model_dump(mode="json") == made


def test_nevus_predict_of_a_folder_goes_on_where_it_was_interrupted(
    nevus: GatewayProcess, key: str, mine: Nevus, tmp_path: Path
) -> None:
    for seed in range(3):
        (tmp_path / "photos/deeper").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"photos/{'deeper/' if seed else ''}{seed}.jpg").write_bytes(lesion((120, 90), 20 + seed))
    (tmp_path / "photos/broken.png").write_bytes(b"hello")
    (tmp_path / "photos/.hidden.jpg").write_bytes(b"hello")
    (tmp_path / "photos/notes.txt").write_text("hello")
    whole = ("predict", "photos", "--age", "12", "--case-id", "folder", "--json")
    first = command(nevus, key, tmp_path, *whole)
    assert first.returncode == 1, first.stderr  # one was refused
    table = tmp_path / "nevus.csv"
    made = rows(table)
    assert set(made) == {"photos/0.jpg", "photos/deeper/1.jpg", "photos/deeper/2.jpg", "photos/broken.png"}
    assert made["photos/broken.png"]["status"] == "refused"
    assert made["photos/0.jpg"]["decision"] == "refer"
    assert len([json.loads(line) for line in first.stdout.splitlines()]) == 3
    assert not (tmp_path / "nevus.csv.batch").exists()
    again = command(nevus, key, tmp_path, *whole)
    assert "4 of 4 are in the table already" in again.stderr
    assert (again.returncode, again.stdout, rows(table)) == (1, "", made)
    assert len(list(mine.predictions(case_id="folder"))) == 3


def test_a_batch_that_is_killed_makes_no_second_record(
    nevus: GatewayProcess, key: str, mine: Nevus, tmp_path: Path
) -> None:
    for seed in range(4):
        (tmp_path / f"{seed}.jpg").write_bytes(lesion((120, 90), 30 + seed))
    running: list[subprocess.Popen[str]] = []

    def killing(asked: Asked) -> Answer:
        answer = passed_on(nevus, asked)
        if len(between.asked) == 3:
            running[0].kill()
        return answer

    words = ("predict", str(tmp_path), "--case-id", "killed", "--parallel", "1")
    with scripted(killing) as between, start(nevus, key, tmp_path, *words, url=between.url) as process:
        running.append(process)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    table = tmp_path / "nevus.csv"
    assert len(rows(table)) == 2
    table.write_bytes(table.read_bytes() + b"torn,off")
    assert command(nevus, key, tmp_path, *words, "--exit-zero").returncode == 0
    assert len(rows(table)) == 4
    assert {row["id"] for row in rows(table).values()} == {each.id for each in mine.predictions(case_id="killed")}


def test_nevus_list_show_models_and_delete(
    nevus: GatewayProcess, key: str, mine: Nevus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def here(*words: str) -> Result:
        done = CliRunner().invoke(app, words, env={"NEVUS_KEY": key, "NEVUS_URL": nevus.url})
        assert key not in done.output
        return done

    made = mine.predict(lesion(seed=9), case_id="shown", site="[red]\x1b[2J")
    listed = here("list", "--case-id", "shown")
    assert (listed.exit_code, made.id in listed.stdout) == (0, True)
    assert json.loads(here("list", "--limit", "1", "--json").stdout)[0]["id"] == made.id
    shown = here("show", made.id, "--photo", "p.jpg", "--heatmap", "h.jpg")
    assert "site [red]?[2J" in shown.stdout
    assert (tmp_path / "p.jpg").read_bytes() == mine.photo(made.id)
    assert (tmp_path / "h.jpg").read_bytes() == mine.heatmap(made.id)
    models = here("models")
    (version,) = (model.version for model in mine.registry.models())
    assert version in models.stdout
    details = here("models", version, "--report", "r.html")
    assert "sensitivity_90" in details.stdout
    assert "<html" in (tmp_path / "r.html").read_text()
    assert here("delete", made.id).exit_code == 1  # nobody said yes
    assert here("delete", made.id, "--yes").stdout == f"removed {made.id}\n"
    gone = here("show", made.id)
    assert (gone.exit_code, gone.stdout) == (1, "")
    assert gone.stderr.startswith("nevus: This prediction was erased")


def test_the_pages_program_runs_as_it_stands(nevus: GatewayProcess, key: str, tmp_path: Path) -> None:
    (text,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/client.md").read_text(), re.DOTALL)
    (tmp_path / "photo.jpg").write_bytes(lesion(seed=1))
    environment = os.environ | {"NEVUS_KEY": key, "NO_PROXY": "127.0.0.1", "PYTHONPATH": f"{ROOT}/clients/python"}
    whole = [sys.executable, "-W", "error", "-c", text.replace("http://127.0.0.1:8080", nevus.url)]
    done = subprocess.run(whole, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("complete ")
    assert (tmp_path / "heatmap.jpg").read_bytes().startswith(b"\xff\xd8\xff")
