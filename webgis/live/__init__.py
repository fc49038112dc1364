"""What happens to cases, told as it happens: a process that holds the streams, and the questions beside it."""
