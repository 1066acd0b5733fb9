"""The benchmarks: what the gateway must carry, beside a bare baseline measured in the same run.

``scripts/bench NAME`` runs one scenario, ``scripts/bench all`` every one; each scenario is one
file in ``scenarios/``. What they share: ``processes`` starts and ends real processes, ``store``
and ``resp`` are a Redis server and its wire, ``carrier`` is the simulated carrier and what it
counted, ``gateway`` the daemon under test and its HTTP calls, ``wording`` the messages, ``load``
the raw-socket clients, ``results`` what is printed. ``baseline`` is the yardstick.
"""
