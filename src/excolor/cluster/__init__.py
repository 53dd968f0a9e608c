"""Batches past one machine, on an engine that exists: Ray (the extra `ray`).

    plan, work -> RayEngine (events, as of `excolor.batch.engine`) -> Worker, in processes on any machines

The work object of `excolor.batch` is what is sent: references are encoded by one worker, and shared as one object.
"""
