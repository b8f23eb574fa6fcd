"""An engine of another package: what it says of itself."""

from jupyter_llm.engines.source import EngineSource
from jupyter_llm.types import Model

SOURCE = EngineSource(
    name="shouting",
    location="shouting_engine.engine:ShoutingEngine",
    formats=("shout",),
    models=(Model(id="shout", format="shout", engine="shouting", context_length=512),),
)

# native, so that it may be asked to run in a process of its own
DOZING = EngineSource(
    name="dozing",
    location="shouting_engine.dozing:DozingEngine",
    formats=("doze",),
    models=tuple(
        Model(id=name, format="doze", engine="dozing", context_length=512)
        for name in ("nap", "doze")
    ),
    is_native=True,
)
