"""Run the command line as `python -m repro`."""

from repro.cli.main import run

run()
