"""One file a scenario, in the order ``scripts/bench all`` runs them.

Each has ``async def run(options) -> Result`` and a first docstring line that ``--help`` shows.
"""

NAMES = (
    "lifecycle",
    "lifecycle_rules",
    "rules",
    "opening",
    "single",
    "drain",
    "urgent",
    "pace",
    "throttle",
    "mixed",
    "latency",
    "memory",
    "faults",
    "fuzz",
)
