"""Anthropic's Messages API: its requests, its blocks and its events."""
