"""What we keep: runs, joined, compared and followed."""
