"""The audit: every decision of the contact rules, on record before its message leaves.

``lines`` says what a line is and how lines hang together, ``keeper`` writes them, ``check`` reads
them again and says what is missing or altered, ``show`` finds and prints.
"""
