"""Dates of receipts: of all that their digits could mean, what is nearest to now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.smpp.dates import told_at


def hour(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // 3600


@pytest.mark.parametrize(
    ("digits", "now", "read"),
    [
        ("1305050826", "2013-05-05T09:00", "2013-05-05T08:26:00"),  # appendix B
        ("141023215259", "2014-10-23T22:00", "2014-10-23T21:52:59"),
        ("20110314181741", "2011-03-14T18:00", "2011-03-14T18:17:41"),
        ("240820093823", "2024-08-20T13:00", "2024-08-20T09:38:23"),  # of seconds, in another zone
        ("202102220611", "2021-02-22T06:00", "2021-02-22T06:11:00"),  # a century, no seconds
        ("200212202102", "2020-02-12T20:00", "2020-02-12T20:21:02"),
        ("0210021543", "2002-10-02T16:00", "2002-10-02T15:43:00"),
        ("0210021543", "2002-10-03T00:00", "2002-10-02T15:43:00"),
        ("2611250930", "2026-11-25T10:00", "2026-11-25T09:30:00"),
        ("2611250930", "2025-11-26T10:00", "2025-11-26T09:30:00"),  # the day first
        ("22022021061132", "2021-02-22T07:00", "2021-02-22T06:11:32"),
        ("220220210611", "2021-02-22T07:00", "2021-02-22T06:11:00"),
        ("2021-02-22 06:11", "2021-02-22T07:00", "2021-02-22T06:11:00"),
        ("2021-02-22T06:11:32", "2021-02-22T07:00", "2021-02-22T06:11:32"),
        ("1795323851", "2026-11-22T05:00", "2026-11-22T05:04:11"),  # seconds since 1970
        ("1795323851682", "2026-11-22T05:00", "2026-11-22T05:04:11"),
        ("261122050411000+", "2026-11-22T05:00", "2026-11-22T05:04:11"),  # SMPP 3.4, 7.1.1
        ("1501260102", "2015-02-20T00:00", "2015-01-26T01:02:00"),  # late by weeks
        ("1501260102", "2015-06-20T00:00", ""),  # by months: a clock that is wrong
        ("2401010001", "2023-12-25T00:00", ""),  # of next week
        ("0000000000", "2026-11-22T05:00", ""),
        ("2602300000", "2026-03-01T05:00", ""),
        ("26112205041", "2026-11-22T05:00", ""),
        ("99999999999999", "2026-11-22T05:00", ""),
        ("²²²²²²²²²²", "2026-11-22T05:00", ""),
        ("yesterday", "2026-11-22T05:00", ""),
        ("", "2026-11-22T05:00", ""),
    ],
)
def test_the_nearest_plausible_reading(digits: str, now: str, read: str) -> None:
    assert told_at(digits, hour(now)) == read


@given(
    st.datetimes(datetime(2001, 1, 1), datetime(2060, 1, 1)),
    st.sampled_from(["%y%m%d%H%M", "%y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d%H%M%S"]),
    st.integers(-6, 6),
)
def test_what_has_just_happened_is_read_as_that(at: datetime, form: str, off: int) -> None:
    """Within hours of now, however it is written: to the minute, or within those hours."""
    now = int((at.replace(tzinfo=UTC) + timedelta(hours=off)).timestamp()) // 3600
    read = told_at(at.strftime(form), now)
    far = abs(datetime.fromisoformat(read) - at)
    assert far < timedelta(minutes=1) or far < timedelta(hours=abs(off) * 2 + 2)


@given(st.text(max_size=40) | st.text("0123456789-:. +", max_size=20), st.integers())
def test_reading_a_date_is_total(text: str, now: int) -> None:
    assert isinstance(told_at(text, now), str)
