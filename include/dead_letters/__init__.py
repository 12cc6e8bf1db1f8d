"""
Records nobody could read, of both halves: listed, and put through again after a fix.

May import both halves: a letter goes back to whoever parked it.
"""
