"""An engine of another package: what it says of itself."""

from jupyter_llm.engines.source import EngineSource
from jupyter_llm.types import Model

SOURCE = EngineSource(
    name="shouting",
    location="shouting_engine.engine:ShoutingEngine",
    formats=("shout",),
    models=(Model(id="shout", format="shout", engine="shouting", context_length=512),),
)
