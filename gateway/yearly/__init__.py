"""``recado simulate-year``: a year of campaigns on a virtual clock, by the gateway's own decisions.

``people`` makes the debtors and what happens to them, ``year`` runs the lanes, the rules and a slow
carrier, ``ledger`` keeps lists and contacts as the store does, ``checker`` looks at all that was
put on the wire by wall clocks of its own, ``figures`` counts, ``show`` prints.
"""
