"""Which editions of the data decide, beside the rules: of this process, not of the disk."""

from __future__ import annotations

from typing import Final

import phonenumbers
import tzdata
from holidays.version import __version__ as holidays_edition

EDITIONS: Final = {
    "tzdata": str(tzdata.IANA_VERSION),
    "holidays": holidays_edition,
    "phonenumbers": str(phonenumbers.__version__),
}
"""Read as the process begins: an upgrade under its feet changes nothing for it."""
