"""Tornado, JSON, HTTP status and authentication; nothing here holds state."""
