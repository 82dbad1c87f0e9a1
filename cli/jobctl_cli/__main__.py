"""`python -m jobctl_cli`: the command without its entry point."""

import sys

from jobctl_cli.main import main

sys.exit(main())
