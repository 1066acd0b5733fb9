"""SMPP 3.4, and what rides on it: pure, so no socket, no clock, no chance.

pdu
    octets into PDUs and back; never raises at what a carrier sends
session
    one session in either role: octets and times in, events and octets out
window, timers
    what a session waits for, and until when
text
    the alphabets, how long a message is, and where it is cut
receipt
    a deliver_sm into a receipt or a reply
"""
