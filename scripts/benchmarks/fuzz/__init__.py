"""Mutated PDUs without end against both ends of a session: what is sent, and what must hold.

::

    seeds     sound PDUs of every kind, from our codec, those of others, and captured receipts
    mutate    a sound PDU in, a broken one out, by chance from a number
    expect    what SMPP 3.4 asks of a bound session for any frame
    behind    what a PDU that could be read goes through afterwards
    block     some thousand PDUs against one session: the unit that can be repeated
    __main__  blocks without end, in a process of their own
"""
