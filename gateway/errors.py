"""Every error Recado raises on purpose, and whose fault it is.

::

    RecadoError
    ├── ConfigError          the operator's: the configuration is wrong (all mistakes at once)
    ├── TlsFileError         the operator's: a certificate or key that cannot be used
    ├── CannotConnect        the carrier's or the operator's: no connection to an SMSC
    ├── StoreUnavailable     ours: Redis cannot commit now; ask again later
    ├── StoreRefused         the operator's: this Redis holds data we must not touch
    ├── Fenced               ours: other nodes have declared this process dead; it must end
    ├── CallerError          the caller's: an HTTP request that cannot be taken (a problem type)
    ├── TextError            the caller's: a text that its encoding cannot carry (smpp.text)
    └── SessionError         the SMPP session
        ├── IllegalMove      ours: an operation the session's state does not allow
        ├── WindowFull       ours: more outstanding requests than the window admits
        └── EncodeError      ours: a field that does not fit its place on the wire

Nothing a carrier sends raises: decoding is total, and what cannot be read becomes a value.
"""

from __future__ import annotations


class RecadoError(Exception):
    """The root: catch this to catch everything Recado raises on purpose."""


class ConfigError(RecadoError):
    """The configuration is wrong.

    ``problems`` holds one line a mistake, each with the file, the key, what was found and what
    is allowed.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class TlsFileError(RecadoError):
    """A file of certificates or a key cannot be used; the words name the key and the file."""


class CannotConnect(RecadoError):
    """No connection to a carrier; the words say what is wrong and what to do next."""


class StoreUnavailable(RecadoError):
    """Redis cannot commit now. ``retry_after`` is how long a caller should wait, in seconds."""

    def __init__(self, detail: str, retry_after: int = 2) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class StoreRefused(RecadoError):
    """This Redis cannot be used: too old, or its data belong to another layout."""


class Fenced(RecadoError):
    """Our lease had ended, and others have put into doubt what we held: nothing of it is ours."""


class CallerError(RecadoError):
    """A request that cannot be taken, as an RFC 9457 problem.

    ``type`` is the stable word (``unknown-campaign``), ``status`` the HTTP status, ``detail``
    what was found and what is allowed, ``field`` the member of the message at fault, if one is.
    """

    def __init__(self, type: str, status: int, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.type = type
        self.status = status
        self.detail = detail
        self.field = field


class SessionError(RecadoError):
    """The root of what the SMPP session raises at its own user."""


class IllegalMove(SessionError):
    """An operation that the session's state does not allow (SMPP 3.4, 2.2 and 2.3)."""


class WindowFull(SessionError):
    """More outstanding requests than the window admits (SMPP 3.4, 2.9)."""


class EncodeError(SessionError, ValueError):
    """A field that does not fit its place on the wire."""
