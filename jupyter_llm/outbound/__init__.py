"""HTTP that this server sends to other servers, at little cost for each request."""
