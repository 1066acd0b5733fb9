"""What must survive: one file a fault, each ``async def run(size, result)``.

``ledger`` is what they share: the gateway's account of a campaign against the carrier's.
"""
