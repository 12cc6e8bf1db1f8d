"""Records nobody could read, of both halves: listed, and put through again after a fix."""
