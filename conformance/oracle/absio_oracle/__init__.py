"""An implementation of the Absio protocol that shares nothing with the Rust one.

It is written from `docs/protocol.md` alone; section numbers in these files are that document's. It is made for checking and not for use:
it is slow, and does not wipe secrets.
"""
