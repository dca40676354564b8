"""Training: the loss, the batches, the schedule, the loop and what it leaves on disk."""
