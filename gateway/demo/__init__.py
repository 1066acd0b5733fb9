"""``recado demo``: a real campaign on an embedded store and a simulated carrier, start to end."""
