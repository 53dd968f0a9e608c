"""Many pictures at a time, in bounded memory, past failures; nothing here knows a terminal.

    sources -> plan -> engine (events) -> report
                         └─ processing: one picture from file to file, by a `Work`

A `Work` says what is done to a picture; it is a plain value that can be pickled and sent to another process.
"""
