"""The examiner of other people's code: `examine` and `compare` for a session, `parametrize` for pytest."""

from refebm.crosscheck.compare import compare as compare
from refebm.crosscheck.examine import examine as examine
from refebm.crosscheck.examine import parametrize as parametrize
