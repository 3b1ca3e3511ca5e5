"""No secret is compared by `==`, which takes the longer the more of it is right, nor looked for in a list."""

from __future__ import annotations

import ast
import re

import pytest
from tests.conftest import ROOT

SECRET = re.compile(
    r"secret|token|signature|passw|credential|hmac|cookie|session|bearer|api_?key|admin_?key", re.IGNORECASE
)
SOURCES = sorted(path for top in ("shared", "services", "deploy") for path in (ROOT / top).rglob("*.py"))
LOOKS = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)


def name_of(node: ast.expr) -> str:
    """The name by which a value is known, empty for one without."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    return name_of(node.func) if isinstance(node, ast.Call) else ""


def compared(text: str) -> list[str]:
    """Each comparison of what is called like a secret, as it is written."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare) and any(isinstance(each, LOOKS) for each in node.ops):
            names = [name_of(side) for side in (node.left, *node.comparators)]
            found += [ast.unparse(node)] if any(SECRET.search(name) for name in names) else []
    return found


@pytest.mark.parametrize(
    "text",
    ["token == given", "a != self._secret", "signature in known", "x == signature_of(y)", "a is None or b == cookie"],
)
def test_such_a_comparison_is_found(text: str) -> None:
    assert compared(text)


@pytest.mark.parametrize("text", ["token is None", "hmac.compare_digest(token, given)", "len(token) > 9", "a == b"])
def test_others_are_not(text: str) -> None:
    assert not compared(text)


def test_there_is_none() -> None:
    assert not [f"{path.relative_to(ROOT)}: {each}" for path in SOURCES for each in compared(path.read_text())]


def test_signatures_are_compared_in_constant_time() -> None:
    assert "hmac.compare_digest" in (ROOT / "shared/nevus/adapters/file_photos.py").read_text()
