"""`python -m pipeline` is `driverprint`."""

from pipeline.cli.main import main

main()
