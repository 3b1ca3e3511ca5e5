"""`python -m training_job`."""

from training_job.cli import main

main()
