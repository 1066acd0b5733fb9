"""Recado: an SMPP gateway for collections messaging.

The way of a message, station by station, and the folder that is each station::

    submit --> queue (lanes) --> policy --> carrier (window, pacer) --> SMPP
      api         store        may it go?     carrier, smpp             |
                                                                        v
    events <------------------ correlation <-- receipt / reply <-- deliver_sm
      api                         store           smpp, carrier

``smpp`` and ``policy`` are pure: bytes and times in, values out. ``store`` is Redis, one file a
role. ``carrier`` and ``api`` are thin shells around them; ``daemon`` builds all and stops it in
three steps. ``simulator`` is a carrier to talk to, on the same core in the SMSC role.
"""

__version__ = "0.1.0"
