"""Run the command line as `python -m repro`."""

from repro.cli.main import main

raise SystemExit(main())
