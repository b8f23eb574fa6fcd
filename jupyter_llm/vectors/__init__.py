"""Vectors in Qdrant: its engine in a process of this server's own, by URL, or as a service."""
