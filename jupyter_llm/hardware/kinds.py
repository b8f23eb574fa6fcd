"""Kinds of devices, by the names that engines and the API use."""

CUDA = "cuda"
METAL = "metal"
RAM = "cpu"
"""Also the id of the system's memory among the devices: there is one."""
