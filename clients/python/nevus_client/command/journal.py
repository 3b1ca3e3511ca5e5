"""The CSV of a batch: a row for each photo as it is answered, so that a batch that was interrupted goes on.

What is final is never asked again. What is pending is dropped at the next start and asked again with the same
Idempotency-Key, made from the photo, what was said of it, and the batch's own number, which lies beside the CSV
(`.batch`) until everything in it is final. So no interruption makes a second record, and another CSV makes new ones.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import threading
import uuid
from collections.abc import Iterable
from pathlib import Path

from nevus_client.answers import Prediction, Status
from nevus_client.errors import NevusError
from nevus_client.photos import Facts, stated

COLUMNS = ("file", "id", "status", "decision", "probability", "reasons", "advice", "model", "error")
REFUSED = "refused"
FINAL = frozenset({str(Status.COMPLETE), str(Status.FAILED), REFUSED})
Row = dict[str, str]


class Journal:
    """One CSV, used by many threads."""

    def __init__(self, path: Path) -> None:
        """Reads what is there; raises OSError, and ValueError for a file that is another one's."""
        self._path = path
        self._mark = path.with_name(path.name + ".batch")
        self._lock = threading.Lock()
        self.rows = {row["file"]: row for row in read_rows(path) if row["status"] in FINAL}
        self._write_whole()
        if not self._mark.exists():
            self._mark.write_text(uuid.uuid4().hex)
        self._batch = self._mark.read_text()

    def key(self, file: str, photo: bytes, facts: Facts) -> str:
        """The Idempotency-Key of a photo in this batch."""
        said = json.dumps([self._batch, file, stated(facts)], sort_keys=True)
        return hashlib.sha256(said.encode() + photo).hexdigest()

    def answered(self, file: str, prediction: Prediction) -> Row:
        """Note an answer."""
        result, model = prediction.result, prediction.model
        row = {
            "id": prediction.id,
            "status": str(prediction.status),
            "decision": str(result.decision) if result else "",
            "probability": "" if result is None or result.probability is None else f"{result.probability:.4f}",
            "reasons": " ".join(result.reasons) if result else "",
            "advice": " ".join(prediction.advice),
            "model": f"{model.name} {model.version}" if model else "",
        }
        return self._note(file, row)

    def refused(self, file: str, error: NevusError | OSError) -> Row:
        """Note one that will never be answered."""
        return self._note(file, {"status": REFUSED, "error": str(error)})

    def end(self, files: Iterable[str]) -> None:
        """Where each of these has its final row, whatever is asked for this file next is another batch."""
        if all(self.rows.get(file, {}).get("status") in FINAL for file in files):
            self._mark.unlink(missing_ok=True)

    def _note(self, file: str, values: Row) -> Row:
        row = dict.fromkeys(COLUMNS, "") | {"file": file} | values
        with self._lock:
            self.rows[file] = row
            with self._path.open("a", newline="", encoding="utf-8", errors="surrogateescape") as out:
                out.write(line(row))
        return row

    def _write_whole(self) -> None:
        """Anew, without what is not final and without a line that was cut short."""
        new = self._path.with_name(self._path.name + ".new")
        head = line(dict(zip(COLUMNS, COLUMNS, strict=True)))
        with new.open("w", newline="", encoding="utf-8", errors="surrogateescape") as out:
            out.write(head + "".join(map(line, self.rows.values())))
        new.replace(self._path)


def line(row: Row) -> str:
    """A row as it stands in the file, so that it is written by one call."""
    out = io.StringIO()
    csv.DictWriter(out, COLUMNS, lineterminator="\n").writerow(row)
    return out.getvalue()


def read_rows(path: Path) -> list[Row]:
    """Whole rows of a file that may not be there; raises ValueError for another kind of file."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    table = csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1]))
    if text and tuple(table.fieldnames or ()) != COLUMNS:
        raise ValueError(f"{path} is not a table of nevus predict: choose another file with --csv")
    return [row for row in table if None not in row.values()]
