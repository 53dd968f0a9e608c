"""The paper's runtime table, measured on the machine at hand.

    tasks (what is run, and how) -> isolation (a process for each) -> measuring (time, memory) -> results -> table,
    plot, comparison

The paper's own seconds are in `published`; they never mix with those measured here.
"""
