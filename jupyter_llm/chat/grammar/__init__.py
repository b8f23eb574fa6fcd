"""Answers held to a form: constraints, their grammars, and which tokens these allow."""
