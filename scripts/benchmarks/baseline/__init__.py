"""The yardstick: claim, write, response, settle and receipt in one loop, and nothing else.

No HTTP, no policy, no metrics, no recovery: what is left is the price of Redis and of SMPP on
this machine, which the gateway's figures are measured against. ``scripts`` are the Lua calls,
``wire`` the bytes of the four PDUs, ``commit`` the group commit, ``spike`` the loop.
"""
