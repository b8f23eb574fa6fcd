"""The same as `python -m jupyter_llm.cli …`."""

import sys

from jupyter_llm.cli import main

sys.exit(main())
