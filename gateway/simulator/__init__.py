"""A carrier to talk to: an SMSC on our own core, which does what a script says.

::

    script, loading, options, words   what it is told, and how that is written
    answers, receipts, replies        what it decides: values from facts and draws
    chance, numbering, calendar       draws, message ids, what is due when
    record, parts, sliding            what reached it
    bind, door, account, intake       connections, who may bind, what waits for whom, submits
    clockwork, simulator              the timer, and the whole
    control, cli                      HTTP for tests, and ``recado simulate``
"""

from __future__ import annotations

from gateway.simulator.script import Script
from gateway.simulator.simulator import Simulator

__all__ = ["Script", "Simulator"]
