"""Tables, sheets, plots and timings that are shown to people."""
