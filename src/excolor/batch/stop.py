"""How a batch is stopped from outside."""


class Stop:
    """A flag that is looked at before a picture is begun; anyone may set it, from any thread."""

    def __init__(self) -> None:
        self.asked = False
        """Whether to begin nothing new."""

    def ask(self) -> None:
        """Begin nothing new; what is in work is finished."""
        self.asked = True
