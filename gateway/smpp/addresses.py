"""How one carrier writes addresses (SMPP 3.4, 5.2.5 to 5.2.9), and back to how we do.

Ours are E.164 digits without ``+``, short codes, and names. A carrier may want a prefix of a
number in another form: ``add`` takes the place of ``strip``. A number that does not begin with
``strip`` goes as it is, so that national numbers (``strip`` 56, ``add`` empty or 0) leave those of
other countries alone; an empty ``strip`` fits every number.

The way back undoes that where it can be told: a carrier may give back what it got, or write the
number as it likes. It takes as written, in this order:

- what is no number, and what would be none of E.164 (7 to 15 digits, no leading 0);
- what is marked as international: ``+``, ``00``, or TON 1 where we do not say 1 ourselves;
- what begins with ``strip`` already, unless TON 2 (national) says that this is no country code.

Only with TON 2 for what is stripped can national numbers be told from those of other countries.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from gateway.smpp.receipt import clean

TON_INTERNATIONAL: Final = 1
TON_NATIONAL: Final = 2
SHORTEST, LONGEST = 7, 15
"""Digits of a number (E.164)."""

TonNpi = tuple[int, int]


class Written(NamedTuple):
    """An address on the wire."""

    ton: int
    npi: int
    address: str


class Numbers:
    """The numbers of one side, senders or recipients, between our form and the carrier's."""

    def __init__(self, ton_npi: TonNpi, strip: str = "", add: str = "") -> None:
        self.ton_npi = ton_npi
        self.unfit_ton_npi = ton_npi
        """For a number that keeps its country code: it is never called national."""
        self.same = not (strip or add)
        """Is a number written as we write it?"""
        if strip and ton_npi[0] == TON_NATIONAL:
            self.unfit_ton_npi = (TON_INTERNATIONAL, ton_npi[1])
        self._strip, self._add = strip, add
        self._digits = add.removeprefix("+")

    def fits(self, number: str) -> bool:
        """Does it begin with ``strip``, and go on?"""
        return number.startswith(self._strip) and len(number) > len(self._strip)

    def write(self, number: str) -> str:
        """The address of a number that fits."""
        return self._add + number[len(self._strip) :]

    def written(self, number: str) -> Written:
        """Any number, as the carrier wants it."""
        if self.fits(number):
            return Written(*self.ton_npi, self.write(number))
        return Written(*self.unfit_ton_npi, number)

    def read(self, address: str, ton: int) -> str:
        """An address of the carrier's in our form. Total."""
        text = address if address.isalnum() else clean(address)
        bare = text.removeprefix("+")
        if not (bare.isascii() and bare.isdigit()):
            return bare
        if self.same or self._marked(text, bare, ton):
            return _international(bare)
        return self._undone(bare, ton) or _international(bare)

    def _marked(self, text: str, bare: str, ton: int) -> bool:
        """Is it said to be international?"""
        if text != bare:
            return not self._add.startswith("+")
        if bare.startswith("0"):
            return bare.startswith("00") and not self._digits.startswith("00")
        return ton == TON_INTERNATIONAL != self.ton_npi[0]

    def _undone(self, bare: str, ton: int) -> str:
        """With ``strip`` in the place of ``add`` again; empty where that cannot be told."""
        strip, digits = self._strip, self._digits
        national = ton == TON_NATIONAL
        if not bare.startswith(digits):
            dropped = national and not bare.startswith(("0", strip))
            return _number(strip + bare) if strip and dropped else ""
        rest = bare[len(digits) :]
        if strip and not national:
            # What the carrier made international itself: digits of its own, or 00 and them.
            if bare.startswith(strip) and not digits.startswith(strip):
                return ""
            if rest.startswith(strip) and digits == "00":
                return ""
        return _number(strip + rest)


def _number(digits: str) -> str:
    """These, if they can be a number of E.164; else nothing."""
    return digits if SHORTEST <= len(digits) <= LONGEST and digits[0] != "0" else ""


def _international(digits: str) -> str:
    """Without 00."""
    return digits[2:] if digits.startswith("00") else digits


class Addresses:
    """Both sides of one carrier. A sender is a number, a short code or a name."""

    def __init__(
        self,
        recipients: Numbers,
        senders: Numbers,
        short_code: TonNpi,
        name: TonNpi,
        short_code_digits: int,
    ) -> None:
        self.recipients, self.senders = recipients, senders
        self._short_code, self._name = short_code, name
        self._short_code_digits = short_code_digits

    @property
    def same(self) -> bool:
        """Is every number written as we write it?"""
        return self.recipients.same and self.senders.same

    def sender(self, sender: str) -> Written:
        """A sender as the carrier wants it, by its form."""
        if not sender.isdigit():
            return Written(*self._name, sender)
        if len(sender) <= self._short_code_digits:
            return Written(*self._short_code, sender)
        return self.senders.written(sender)

    def sender_of(self, address: str, ton: int) -> str:
        """What we are called, from an address of the carrier's: a short code stays one. Total."""
        text = address if address.isalnum() else clean(address)
        bare = text.removeprefix("+")
        if self.senders.same:
            return bare
        if text == bare and len(bare) <= self._short_code_digits and ton != TON_NATIONAL:
            return bare
        return self.senders.read(text, ton)

    def recipient_of(self, address: str, ton: int) -> str:
        """A debtor's number, from an address of the carrier's. Total."""
        return self.recipients.read(address, ton)
