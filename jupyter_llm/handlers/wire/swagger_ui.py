"""The page around Swagger UI: what it loads, and what it may do."""

from __future__ import annotations

CONTENT_TYPES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "start.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
"""The files that the page loads, by name."""

POLICY = (
    "script-src 'self'; "
    # Swagger UI styles elements in place
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'"
)
"""What the page may do beyond nothing; no other site is asked for anything."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>jupyter-llm: HTTP API</title>
<link rel="icon" href="swagger-ui/favicon-32x32.png">
<link rel="stylesheet" href="swagger-ui/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="swagger-ui/swagger-ui-bundle.js"></script>
<script src="swagger-ui/start.js"></script>
</body>
</html>
"""

# in a file of its own, for the policy allows no script in the page
START = """"use strict";
const xsrf = () => document.cookie.match(/(?:^|; )_xsrf=([^;]*)/)?.[1];
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  defaultModelsExpandDepth: -1,
  validatorUrl: null,
  // the session's cookies alone authorize nothing that changes something
  requestInterceptor: request => {
    const isOurs = new URL(request.url, location.href).origin === location.origin;
    const token = xsrf();
    if (isOurs && token) {
      request.headers["X-XSRFToken"] = token;
    }
    return request;
  }
});
"""
