"""What patients read is for twelve-year-olds: the Flesch-Kincaid grade of its English (Kincaid et al. 1975)."""

from __future__ import annotations

import re

from tests.messages import messages

# Whatever a patient may meet: the pages of this role, the frame, sign-in, errors, advice, limits.
AREAS = ("patient", "consent", "base.html", "sign_in.html", "problem.html", "parts.html")
CODE = ("advice.py", "explain.py", "guidance.py", "plain_problems.py")
GRADE = 6.0  # the school year of most twelve-year-olds is the sixth or seventh
LONGEST = 30  # words of one sentence


def texts() -> list[str]:
    said = [text for message, file in messages().items() if file.startswith(AREAS) or file in CODE
            for text in ([message] if isinstance(message, str) else message)]  # fmt: skip
    return [re.sub(r"<[^>]+>|%\(\w+\)s|&\w+;", "", text) for text in said]


def sentences(text: str) -> list[list[str]]:
    """Words of each sentence; a semicolon or a colon ends one too, as a reader takes a breath there."""
    found = (re.findall(r"[A-Za-z\u2019']+", part) for part in re.split(r"[.!?;:…]\s|[.!?;:…]$", text))
    return [words for words in found if words]


def syllables(word: str) -> int:
    """Groups of vowels, a silent e at the end excepted."""
    groups = len(re.findall(r"[aeiouy]+", word.lower()))
    silent = word.lower().endswith(("e", "es", "ed")) and not word.lower().endswith(("le", "ted", "ded", "ces", "ses"))
    return max(1, groups - (silent and groups > 1))


def grade(said: list[list[str]]) -> float:
    words = [word for sentence in said for word in sentence]
    return 0.39 * len(words) / len(said) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def test_patients_texts_are_for_readers_of_twelve() -> None:
    said = [sentence for text in texts() for sentence in sentences(text) if len(sentence) > 2]
    assert len(said) > 50
    assert grade(said) < GRADE
    assert [" ".join(sentence) for sentence in said if len(sentence) > LONGEST] == []


def test_the_measure_knows_easy_from_hard() -> None:
    easy = sentences("The cat sat on the mat. It was warm there.")
    hard = sentences("Institutional considerations necessitate comprehensive methodological re-evaluation.")
    assert grade(easy) < 2
    assert grade(hard) > 20
