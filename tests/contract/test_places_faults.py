"""Files in Cloud Storage by address, when calls fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.emulators import Emulator
from tests.faults import answers, fault_proxy

from nevus.adapters.google_calls import ATTEMPTS
from nevus.adapters.places import Place, place
from nevus.ports import Unavailable

pytestmark = pytest.mark.usefixtures("no_pauses")
CALLS: dict[str, Callable[[Place], object]] = {
    "read": lambda file: file.read(10),
    "create": lambda file: file.create(b"x"),
    "delete": lambda file: file.delete(),
    "mark": lambda file: file.mark(),
}


@pytest.mark.parametrize("call", CALLS)
def test_what_stays_down_is_told_after_a_few_attempts(
    gcs: Emulator, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    with fault_proxy(gcs.address) as proxy:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
        proxy.plan(answers(503), times=ATTEMPTS)
        with pytest.raises(Unavailable):
            CALLS[call](place(f"gs://{gcs.new_bucket()}/a.txt"))
        assert len(proxy.seen) == ATTEMPTS
