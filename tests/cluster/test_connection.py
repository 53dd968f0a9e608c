"""A head that is busy is asked again; what is wrong for good is said at once."""

from typing import Any

import pytest

from excolor.cluster.connection import _connect


class Head:
    """Stands for the module `ray` whose `init` gives these answers, one after the other."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    def is_initialized(self) -> bool:
        return False

    def init(self, address: str, **settings: Any) -> None:
        answer = self.answers.pop(0)
        if answer:
            raise ConnectionAbortedError(answer)


BUSY = "Initialization failure from server:\n\n"


@pytest.mark.parametrize("answers", [("",), (BUSY, ""), (BUSY, BUSY, "")])
def test_a_busy_head_is_asked_again(answers: tuple[str, ...]) -> None:
    head = Head(*answers)
    _connect(head, "ray://127.0.0.1:10001")
    assert not head.answers


@pytest.mark.parametrize(("answers", "left"), [(("no such host", ""), 1), ((BUSY, BUSY, BUSY, ""), 1)])
def test_other_answers_and_too_many_are_errors(answers: tuple[str, ...], left: int) -> None:
    head = Head(*answers)
    with pytest.raises(ConnectionAbortedError):
        _connect(head, "ray://127.0.0.1:10001")
    assert len(head.answers) == left
