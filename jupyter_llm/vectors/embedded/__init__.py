"""What runs in the process of the embedded vector database; the server imports none of it.

Qdrant's engine comes as a library without a server, and it holds the interpreter's lock in whatever
it does. In a process of its own, behind as much of Qdrant's REST API as its clients use, it is one
more Qdrant to those who ask, and holds nobody up.
"""
