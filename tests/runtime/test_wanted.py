import pytest

from pipeline.runtime.wanted import NotWantedError, check_wanted, while_wanted


def test_what_nobody_waits_for_ends_where_it_asks():
    check_wanted()
    wanted = [True, False]
    with while_wanted(lambda: wanted.pop(0)):
        check_wanted()
        with pytest.raises(NotWantedError, match="nobody waits"):
            check_wanted()
    check_wanted()
