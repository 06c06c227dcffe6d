"""The entry of the policy pack: the engine runs this folder."""

import sys
from pathlib import Path

# The engine runs the folder as a program; its modules import each other as a package.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policies.analyzer import serve

serve()
