"""TLS to a carrier: always verified, and every way it fails in words.

``files`` reads what the configuration names, ``dates`` says how long a certificate holds,
``troubles`` turns OpenSSL's words into what is wrong and what to do next.
"""
