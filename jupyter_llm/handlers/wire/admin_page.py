"""The admin page: what it loads, and what it may do."""

from __future__ import annotations

CONTENT_TYPES = {
    "admin.css": "text/css; charset=utf-8",
    "admin.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
"""The files that the page loads, by name."""

POLICY = (
    "script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
"""What the page may do beyond nothing; no other site is asked for anything."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Language models</title>
<link rel="icon" href="icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="admin.css">
<script src="admin.js" defer></script>
</head>
<body>
<div id="jp-llm-admin"><noscript>This page needs JavaScript.</noscript></div>
</body>
</html>
"""
