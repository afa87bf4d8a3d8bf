"""The examiner of other people's code: `examine` and `compare` for Python sessions, `parametrize` for pytest."""

from refebm.crosscheck.compare import compare as compare
from refebm.crosscheck.examine import examine as examine
from refebm.crosscheck.examine import parametrize as parametrize
