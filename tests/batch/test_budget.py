"""The bound on the memory of pictures in work."""

import threading
import time

from excolor.batch.budget import MegapixelBudget


def test_pictures_in_work_hold_no_more_than_so_many_megapixels() -> None:
    budget = MegapixelBudget(100)
    held: list[float] = []
    most: list[float] = []
    lock = threading.Lock()

    def work(megapixels: float) -> None:
        with budget.hold(megapixels):
            with lock:
                held.append(megapixels)
                most.append(sum(held) if len(held) > 1 else 0)
            time.sleep(0.005)
            with lock:
                held.remove(megapixels)

    threads = [threading.Thread(target=work, args=(size,)) for size in (60, 50, 400, 10, 30, 60, 100, 1) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert not held
    assert len(most) == len(threads)
    assert 0 < max(most) <= 100
