"""Figures for the operator; none of them holds text that somebody wrote."""
