"""The parts of bench.py: what is started, what is measured, how it is shown."""
