"""``python -m refebm`` is ``refebm``."""

import sys

from refebm.cli import main

sys.exit(main())
