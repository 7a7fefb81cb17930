"""Run the command line as `python -m repro`."""

from repro.cli import main

raise SystemExit(main())
