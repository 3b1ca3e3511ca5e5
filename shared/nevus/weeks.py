"""ISO weeks, by which things are counted."""

from __future__ import annotations

from datetime import UTC, date, datetime


def week_of(moment: datetime) -> str:
    """ISO week of a moment in UTC, as `2026-W05`."""
    year, week, _ = moment.astimezone(UTC).isocalendar()
    return f"{year}-W{week:02d}"


def monday(week: str) -> date:
    """The first day of a week."""
    return date.fromisocalendar(int(week[:4]), int(week[6:]), 1)
