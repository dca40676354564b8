"""Video files to 128×128 gray frames on the model's frame grid, in a guarded child process."""
