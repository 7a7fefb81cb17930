"""What a process imports before commands are forked of it: what verbs import, as they do, and none of a study."""

import matplotlib.backends.backend_agg
import matplotlib.backends.backend_svg
import matplotlib.figure  # noqa: F401  # for what is drawn
import numpy as np  # noqa: F401
import pyarrow as pa
import pyarrow.compute as pc  # noqa: F401
import pyarrow.parquet as pq  # noqa: F401
import scipy.optimize  # for the limits of a band, as in every bless and check
import scipy.special  # noqa: F401

import repro.api
import repro.audit.document
import repro.cli.comparing
import repro.cli.listing
import repro.cli.main
import repro.cli.running
import repro.golden.bless
import repro.show.figures  # noqa: F401

pa.array([0])  # for which pyarrow imports pandas where that is installed, as in every command that makes rows
