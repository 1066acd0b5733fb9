"""``recado probe``: one bind of a carrier's account, step by step, with smpplib.

Another implementation than the gateway's own, on purpose: what goes wrong here too is not the
gateway's doing, and what goes well here and not there is.
"""
