"""What is refused: an error with a stable code that names the argument, what was wanted and what came, in a line."""

import pytest

from refebm.glossary import InputError


def refused(call, said: str) -> None:
    """The call is refused with this code, or one of several, and a message that the pattern after it is found in."""
    codes, _, words = said.partition(" ")
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert caught.value.code in codes.split("|")
    assert str(caught.value).startswith(f"{caught.value.code}: ") and len(str(caught.value)) < 300
