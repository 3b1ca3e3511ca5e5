"""`nevus`: have photos of skin lesions assessed. Not a medical device.

Exit status: 0 done, and every photo routine; 1 refused; 2 wrong usage; 3 unreachable or busy, try again;
10 at least one photo to be seen by a doctor; 11 to be taken again; 12 not assessed yet.
"""

from __future__ import annotations

import json
import threading
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import typer

from nevus_client import __version__
from nevus_client.answers import Modality, Prediction, Sex
from nevus_client.command import showing, status
from nevus_client.command.batch import Batch, photos_in
from nevus_client.command.journal import Journal
from nevus_client.command.options import LOCAL, AsJson, Key, Patience, Url, connected
from nevus_client.command.status import Exit
from nevus_client.photos import Facts

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
PATIENCE = 60.0
NOTHING = "there is no photo: files ending in .jpg, .jpeg, .png, .webp, .heic or .heif are"
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="as list shows them")]


def say_version(wanted: bool) -> None:
    """Print it and end."""
    if wanted:
        typer.echo(f"nevus {__version__}")
        raise typer.Exit


@app.callback(help=__doc__)
def common(
    number: Annotated[bool, typer.Option("--version", callback=say_version, is_eager=True, help="print it")] = False,
) -> None:
    """All commands."""


@app.command()
def predict(
    paths: Annotated[list[Path], typer.Argument(metavar="PHOTO|FOLDER...", exists=True, readable=True)],
    modality: Annotated[Modality | None, typer.Option(help="how the photo was taken")] = None,
    age: Annotated[int | None, typer.Option(min=0, max=120, help="years")] = None,
    sex: Annotated[Sex | None, typer.Option()] = None,
    site: Annotated[str | None, typer.Option(help="the part of the body, in words")] = None,
    fitzpatrick: Annotated[int | None, typer.Option(min=1, max=6, help="skin type")] = None,
    case_id: Annotated[str | None, typer.Option(help="groups photos of one lesion")] = None,
    consent_training: Annotated[bool, typer.Option("--consent-training", help="let a retraining use it")] = False,
    csv: Annotated[Path | None, typer.Option(help="table of a batch; nevus.csv unless given")] = None,
    parallel: Annotated[int, typer.Option(min=1, max=16, help="photos of a batch at once")] = 4,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="0 if every photo was answered, whatever")] = False,
    as_json: AsJson = False,
    patience: Patience = PATIENCE,
    url: Url = LOCAL,
    key: Key = "",
) -> None:
    """Have a photo assessed, or all photos of a folder and below.

    Several photos make a batch, with a row of the CSV for each; the same command goes on with one that was interrupted.
    """
    facts = Facts(modality=modality, age=age, sex=sex, site=site, fitzpatrick=fitzpatrick, case_id=case_id)
    facts["consent_training"] = consent_training or None
    with connected(url, key, patience) as nevus:
        if len(paths) > 1 or csv or paths[0].is_dir():
            batch = Batch(nevus, journal(csv or Path("nevus.csv")), facts, patience, Lines(as_json).tell)
            ended = batch.run(some(photos_in(paths)), parallel)
        else:
            answer = nevus.predict(paths[0], wait=patience, **facts)
            tell(answer, as_json, paths[0].name)
            ended = status.of_prediction(answer)
    answered = ended not in {Exit.UNREACHABLE, Exit.REFUSED}
    raise typer.Exit(0 if exit_zero and answered else ended)


def some(photos: list[Path]) -> list[Path]:
    """At least one."""
    if not photos:
        raise typer.BadParameter(NOTHING, param_hint="PHOTO|FOLDER")
    return photos


def journal(path: Path) -> Journal:
    """The batch's table."""
    try:
        return Journal(path)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--csv") from None


class Lines:
    """JSON of each photo of a batch on a line of its own, from many threads; or none."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted
        self._lock = threading.Lock()

    def tell(self, path: Path, prediction: Prediction) -> None:
        """Print it."""
        if self._wanted:
            with self._lock:
                typer.echo(json.dumps({"file": str(path), "prediction": prediction.model_dump(mode="json")}))


def tell(prediction: Prediction, as_json: bool, name: str = "") -> None:
    """As a person or a program reads it."""
    if as_json:
        typer.echo(prediction.model_dump_json(indent=2))
    else:
        showing.show(prediction, name)


@app.command("list")
def list_predictions(
    limit: Annotated[int, typer.Option(min=1, help="how many at most")] = 20,
    case_id: Annotated[str | None, typer.Option(help="those of one lesion")] = None,
    order: Annotated[
        Literal["time", "review"], typer.Option(help="time, or what most needs a clinician's look first")
    ] = "time",
    as_json: AsJson = False,
    patience: Patience = PATIENCE,
    url: Url = LOCAL,
    key: Key = "",
) -> None:
    """Show predictions, newest first: one's own, or everyone's with a clinician's key."""
    with connected(url, key, patience) as nevus:
        found = nevus.predictions(case_id=case_id, order=order, page_size=min(limit, 100))
        shown = list(islice(found, limit))
    if as_json:
        typer.echo(json.dumps([each.model_dump(mode="json") for each in shown], indent=2))
    else:
        showing.table(shown)


@app.command("show")
def show_prediction(
    prediction_id: Annotated[str, typer.Argument(metavar="ID", help="as list shows it")],
    photo: Annotated[Path | None, typer.Option(dir_okay=False, help="save the photo, a JPEG, here")] = None,
    heatmap: Annotated[Path | None, typer.Option(dir_okay=False, help="save the heat map, a JPEG, here")] = None,
    as_json: AsJson = False,
    patience: Patience = PATIENCE,
    url: Url = LOCAL,
    key: Key = "",
) -> None:
    """Show one prediction, and save its pictures."""
    with connected(url, key, patience) as nevus:
        tell(nevus.prediction(prediction_id), as_json)
        if photo:
            photo.write_bytes(nevus.photo(prediction_id))
        if heatmap:
            heatmap.write_bytes(nevus.heatmap(prediction_id))


@app.command()
def delete(
    ids: Ids,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    patience: Patience = PATIENCE,
    url: Url = LOCAL,
    key: Key = "",
) -> None:
    """Remove photos, heat maps and records for good."""
    if not yes:
        typer.confirm(f"Remove {len(ids)} prediction(s) and their photos for good?", abort=True)
    with connected(url, key, patience) as nevus:
        for each in ids:
            nevus.delete(each)
            typer.echo(f"removed {showing.plain(each)}")


@app.command()
def models(
    version: Annotated[str | None, typer.Argument(metavar="[VERSION]", help="only this one, and all of it")] = None,
    report: Annotated[Path | None, typer.Option(dir_okay=False, help="save its report, a page of HTML, here")] = None,
    as_json: AsJson = False,
    patience: Patience = PATIENCE,
    url: Url = LOCAL,
    key: Key = "",
) -> None:
    """Show the model versions and which of them answer."""
    if report and not version:
        raise typer.BadParameter("say which version's", param_hint="--report")
    with connected(url, key, patience) as nevus:
        if version is None:
            found = nevus.registry.models()
            listed = [each.model_dump(mode="json") for each in found]
            showing.model_table(found) if not as_json else typer.echo(json.dumps(listed, indent=2))
            return
        details = nevus.registry.model(version)
        typer.echo(details.model_dump_json(indent=2)) if as_json else showing.model_details(details)
        if report:
            report.write_text(nevus.registry.report(version), encoding="utf-8")
