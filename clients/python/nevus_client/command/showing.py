"""Answers for people: what the service says is text, never markup or a terminal's command."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nevus_client.answers import Decision, Model, ModelDetails, Prediction

STYLES = {
    Decision.REFER: "bold red",
    Decision.INDETERMINATE: "bold yellow",
    Decision.REJECTED: "bold blue",
    Decision.ROUTINE: "bold green",
}
NOT_A_DEVICE = "Not a medical device: it makes no diagnosis, and it misses some malignant spots."


def plain(text: object) -> str:
    """Without control characters, which could move a terminal's cursor or say what is not there."""
    return "".join(each if each.isprintable() else "?" for each in str(text))


def console() -> Console:
    """Where answers go; no colours where it is not a terminal."""
    return Console(highlight=False, markup=False, emoji=False)


def say(text: str) -> None:
    """To standard error: what is not an answer."""
    sys.stderr.write(f"nevus: {plain(text)}\n")


def decision(prediction: Prediction) -> Text:
    """In one word."""
    if prediction.result is None:
        return Text(str(prediction.status), "bold magenta")
    return Text(str(prediction.result.decision), STYLES[prediction.result.decision])


def show(prediction: Prediction, name: str = "") -> None:
    """All that a person asks of one."""
    out = console()
    title = Text(f"{plain(name)}: " if name else "")
    out.print(title.append_text(decision(prediction)), soft_wrap=True)
    for sentence in prediction.advice:
        out.print(f"  {plain(sentence)}", soft_wrap=True)
    for word, value in facts(prediction):
        out.print(f"  {word:<10} {plain(value)}", style="dim", soft_wrap=True)
    out.print(f"  {NOT_A_DEVICE}", style="dim", soft_wrap=True)


def facts(prediction: Prediction) -> Iterable[tuple[str, object]]:
    """Names and values."""
    yield "id", prediction.id
    yield "created", f"{prediction.created_at:%Y-%m-%d %H:%M %Z}"
    said = [f"{name} {value}" for name, value in prediction.context if value is not None]
    if said:
        yield "stated", ", ".join(said)
    if prediction.model:
        yield "model", f"{prediction.model.name} {prediction.model.version}"
    if prediction.diagnosis:
        found = prediction.diagnosis
        yield "diagnosis", f"{found.label} ({'malignant' if found.malignant else 'benign'}), {found.confirmed_by}"


def table(predictions: Iterable[Prediction]) -> None:
    """A line for each."""
    shown = Table("id", "created", "decision", "case", "diagnosis", box=None, pad_edge=False)
    for each in predictions:
        found = each.diagnosis.label if each.diagnosis else ""
        case = each.context.case_id or ""
        shown.add_row(each.id, f"{each.created_at:%Y-%m-%d %H:%M}", decision(each), plain(case), plain(found))
    wide(shown)


def model_table(models: Iterable[Model]) -> None:
    """A line for each version."""
    shown = Table("version", "name", "channels", box=None, pad_edge=False)
    for each in models:
        shown.add_row(plain(each.version), plain(each.name), plain(", ".join(each.channels)))
    wide(shown)


def model_details(model: ModelDetails) -> None:
    """What a version is and was found to be worth, where it was calibrated."""
    out, manifest = console(), model.manifest
    out.print(f"{plain(model.name)} {plain(model.version)}", style="bold", soft_wrap=True)
    rows = {
        "channels": ", ".join(model.channels),
        "created": f"{manifest.created_at:%Y-%m-%d %H:%M %Z}",
        "network": f"{manifest.backbone}, {manifest.input.side} px, {manifest.input.views} view(s)",
        "licence": manifest.licence,
    }
    for kind, constants in manifest.modalities.items():
        for point in constants.operating_points:
            worth = f"sensitivity {point.measured_sensitivity:.3f}, specificity {point.specificity:.3f}"
            rows[f"{kind}, {point.name}"] = worth
    for word, value in rows.items():
        out.print(f"  {word:<28} {plain(value)}", soft_wrap=True)


def wide(shown: Table) -> None:
    """A table that no pipe cuts short."""
    out = console()
    if not out.is_terminal:
        out.width = 200
    out.print(shown)
