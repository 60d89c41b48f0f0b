"""`python -m data_pipeline` is the `data-pipeline` command."""

import sys

from data_pipeline.cli import main

sys.exit(main())
