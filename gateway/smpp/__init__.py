"""SMPP 3.4, and what rides on it: pure, so no socket, no clock, no chance.

pdu
    octets into PDUs and back; never raises at what a carrier sends
session
    one session in either role: octets and times in, events and octets out
states, events, window, timers
    a session's pieces: what it may do, what it tells, what it waits for, and until when
text
    the alphabets, how long a message is, and where it is cut
receipt
    a deliver_sm into a receipt or a reply
"""
