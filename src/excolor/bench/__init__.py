"""The paper's runtime table, measured on this machine.

    tasks (what is run, and how) -> isolation (a process for each) -> measuring (time, memory) -> results -> table,
    plot, comparison

The paper's own seconds are in `published`; they are never mixed with those measured here.
"""
