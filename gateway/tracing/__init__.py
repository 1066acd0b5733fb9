"""``recado trace``: what a running gateway and a carrier say to each other, as it is said."""
