"""Engines: tokens in, tokens out. They know neither HTTP nor users."""
