"""``python -m refebm`` searches the current folder first, where somebody's adapter may be called torch.py or numpy.py.

While Python looks for the module to run, sys.argv[0] is "-m". The folder then becomes the last to be searched, unless
refebm itself was found there.
"""

import sys
from os.path import dirname

SAFE = sys.flags.isolated or getattr(sys.flags, "safe_path", False)  # the current folder is not searched at all

if getattr(sys, "argv", [])[:1] == ["-m"] and not SAFE and sys.path[0] != dirname(dirname(__file__)):
    sys.path.append(sys.path.pop(0))
