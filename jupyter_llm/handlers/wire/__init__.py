"""JSON into types and types into JSON and SSE, as pure functions."""
