"""Faults struck on real servers, and a verifier that shares no code with what it verifies."""
