"""Widgets for notebooks: models, their memory, a chat, and answers side by side.

    from jupyter_llm.widgets import Chat

    Chat(model="guide")

They follow the server's events, show what goes wrong where it goes wrong, and print as text
where nothing can show a widget.
"""

from __future__ import annotations

from .chat import Chat
from .compare import Compare
from .memory_monitor import MemoryMonitor
from .model_picker import ModelPicker
from .sampling import Sampling

__all__ = ["Chat", "Compare", "MemoryMonitor", "ModelPicker", "Sampling"]
