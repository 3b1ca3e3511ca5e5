"""Settings, lock and port: each problem is one sentence."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

from preflight import ROOT, Settings, StartError, check_port, claim, read_settings, socket_folder


def settings(data: Path, port: int = 8080, host: str = "127.0.0.1") -> Settings:
    return Settings(host, port, data)


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "PORT", "DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert read_settings() == Settings("127.0.0.1", 8080, ROOT / ".nevus")


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(StartError, match="not a port number"):
        read_settings()


@pytest.mark.parametrize(
    ("host", "address"),
    [("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80"), ("me", "http://me:80")],  # noqa: S104
)
def test_address_as_a_browser_here_reaches_it(tmp_path: Path, host: str, address: str) -> None:
    assert settings(tmp_path, 80, host).address == address


def test_one_supervisor_a_data_folder(tmp_path: Path) -> None:
    wanted = settings(tmp_path / "data")
    lock = claim(wanted)
    with pytest.raises(StartError, match="already"):
        claim(wanted)
    os.close(lock)
    os.close(claim(wanted))
    assert wanted.data.stat().st_mode & 0o777 == 0o700


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StartError, match="cannot be used"):
        claim(settings(tmp_path / "data"))


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = settings(tmp_path, taken.getsockname()[1])
        with pytest.raises(StartError, match=r"is in use: choose another"):
            check_port(wanted, patience=0.0)
    check_port(wanted)


def test_a_long_path_moves_the_socket(tmp_path: Path) -> None:
    assert socket_folder(Path("/data")) == (Path("/data/run"), None)
    folder, temporary = socket_folder(tmp_path / ("long" * 30))
    assert folder == temporary
    assert folder.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(folder)
