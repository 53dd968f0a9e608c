"""Training that ends at a step, as by a signal."""

from excolor.training.loop import TrainingProgress


class Interrupted(Exception):  # noqa: N818 - not an error, a signal
    pass


def interrupt_at(step: int):
    def on_progress(progress: TrainingProgress) -> None:
        if progress.step == step:
            raise Interrupted

    return on_progress
