"""Batches past one machine, on an engine that exists: Ray (the extra `ray`).

    plan, work -> RayEngine (events, as of `excolor.batch.engine`) -> Crew -> Worker, in processes on any machines

`Crew` knows when a worker is dead, and replaces it; `RayEngine` has its pictures done again.

The work object of `excolor.batch` is what is sent: references are encoded by one worker, and shared as one object.
"""
