"""The command `nevus` without a service: its page, its exit statuses, its table, what it shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from tests.conftest import ROOT
from tests.inference_process import free_port
from typer.testing import CliRunner

from gateway.views import EXAMPLE, PENDING_EXAMPLE
from nevus_client.answers import Prediction
from nevus_client.command import showing, status
from nevus_client.command.app import app
from nevus_client.command.batch import photos_in
from nevus_client.command.journal import Journal
from nevus_client.command.options import is_exposed
from nevus_client.command.status import Exit

PAGE = (ROOT / "docs/client.md").read_text()
COMMAND = typer.main.get_group(app)
DONE, PENDING = Prediction.model_validate(EXAMPLE), Prediction.model_validate(PENDING_EXAMPLE)
KEY = "nvs_a-key-that-is-never-shown"


def parameters() -> Iterator[tuple[str, typer.core.TyperOption]]:
    for name, each in COMMAND.commands.items():
        yield from ((name, option) for option in each.params if isinstance(option, typer.core.TyperOption))


def test_the_page_names_every_command_option_and_exit_status_and_no_other() -> None:
    assert set(re.findall(r"^\| `nevus (\w+)", PAGE, re.MULTILINE)) == COMMAND.commands.keys()
    told = set(re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)`", "\n".join(re.findall(r"^\| `-.*", PAGE, re.MULTILINE))))
    assert told - {"--json"} == {word for _, option in parameters() for word in option.opts} - {"--json"}
    said = re.findall(r"^\| (\d+) \|", PAGE.split("### Exit status")[1].split("### ")[0], re.MULTILINE)
    assert {int(each) for each in said} == {*map(int, Exit), 2, 130}
    assert all(re.search(rf"\b{int(each)}\b", str(COMMAND.help)) for each in Exit)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], Exit.ROUTINE),
        ([Exit.ROUTINE, Exit.RETAKE], Exit.RETAKE),
        ([Exit.RETAKE, Exit.NOT_ASSESSED], Exit.NOT_ASSESSED),
        ([Exit.SEE_A_DOCTOR, Exit.NOT_ASSESSED], Exit.SEE_A_DOCTOR),
        ([Exit.SEE_A_DOCTOR, Exit.REFUSED], Exit.REFUSED),
        ([Exit.UNREACHABLE, Exit.REFUSED], Exit.UNREACHABLE),
    ],
)
def test_of_many_the_worst_is_said(found: list[Exit], said: Exit) -> None:
    assert status.worst(found) is said


def test_only_routine_is_an_all_clear() -> None:
    decisions = {"refer": 10, "indeterminate": 10, "rejected": 11, "routine": 0}
    assert {name: int(status.of_answer("complete", name)) for name in decisions} == decisions
    assert (status.of_prediction(DONE), status.of_prediction(PENDING)) == (Exit.SEE_A_DOCTOR, Exit.NOT_ASSESSED)
    assert status.of_answer("failed", None) is Exit.NOT_ASSESSED


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["list"], 2, "NEVUS_KEY"),
        (["list", "--key", "nvs_a b"], 2, "visible ASCII"),
        (["list", "--key", KEY, "--url", "localhost"], 2, "must begin with http"),
        (["list", "--key", KEY, "--patience", "0"], 3, "does not answer: no connection (is it running"),
        (["predict", "--key", KEY, "nowhere.jpg"], 2, "does not exist"),
        (["predict", "--key", KEY, "."], 2, "there is no photo"),
        (["models", "--key", KEY, "--report", "a"], 2, "say which version"),
    ],
)
def test_what_is_wrong_is_said_in_words(
    words: list[str], code: int, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {"NEVUS_KEY": "", "NEVUS_URL": f"http://127.0.0.1:{free_port()}", "COLUMNS": "300", "NO_COLOR": "1"}
    done = CliRunner().invoke(app, words, env=settings)
    assert (done.exit_code, said in done.output) == (code, True), done.output
    assert KEY not in done.output


def test_a_table_keeps_what_is_final_and_asks_the_rest_again_with_the_same_key(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    first = Journal(path)
    key = first.key("p.jpg", b"photo", {"age": 54, "sex": None})
    first.answered("done.jpg", DONE)
    first.answered("p.jpg", PENDING)
    first.refused("\udce4.jpg", OSError("no, such, file"))
    first.end(["done.jpg", "p.jpg"])
    with path.open("a") as out:
        out.write("torn,of")
    second = Journal(path)
    assert set(second.rows) == {"done.jpg", "\udce4.jpg"}
    assert second.rows["done.jpg"]["probability"] == "0.4100"
    assert second.key("p.jpg", b"photo", {"age": 54}) == key
    assert len({key, second.key("q.jpg", b"photo", {"age": 54}), second.key("p.jpg", b"photo", {})}) == 3
    second.answered("p.jpg", DONE)
    second.end(["done.jpg", "p.jpg", "\udce4.jpg"])
    assert Journal(path).key("p.jpg", b"photo", {"age": 54}) != key


def test_a_table_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("name,value\na,1\n")
    with pytest.raises(ValueError, match="not a table of nevus predict"):
        Journal(tmp_path / "mine.csv")
    assert (tmp_path / "mine.csv").read_text() == "name,value\na,1\n"


def test_photos_of_a_folder_are_those_that_look_like_some(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.heic", "notes.txt", ".x.png", ".git/c.png", "in/d.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = photos_in([tmp_path, tmp_path / "notes.txt", tmp_path / "a.heic"])
    assert [str(each.relative_to(tmp_path)) for each in found] == ["a.heic", "b.JPG", "in/d.webp", "notes.txt"]


def test_what_is_shown_is_text_and_no_command_of_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    context = DONE.context.model_copy(update={"site": "[red]\x1b[2J\r"})
    showing.show(DONE.model_copy(update={"context": context}))
    assert "site [red]?[2J?" in capsys.readouterr().out
    showing.show(PENDING)
    assert "Not assessed; if the spot worries you, have it seen." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "exposed"),
    [("http://127.0.0.1:1", False), ("http://[::1]", False), ("http://localhost", False), ("https://a.example", False),
     ("http://a.example", True), ("http://192.0.2.1", True)],
)  # fmt: skip
def test_a_key_that_others_could_read_is_warned_of(url: str, exposed: bool) -> None:
    assert is_exposed(url) is exposed
