"""The HTTP API, by the way of a request.

``server`` listens and finds the call in the table of ``calls``; ``auth`` says whose key it is and
what it may do; ``body`` reads what was sent, in bounded memory; ``submit`` takes messages, of the
``shapes`` that callers write, through ``intake`` (which says what is wrong with one) into the
store; ``campaigns``, ``messages``, ``events``, ``carriers`` and ``health`` are the other calls;
``problems`` is every way to be refused; ``openapi`` and ``page`` describe it all, made from the
same table and the same types.
"""
