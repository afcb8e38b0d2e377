"""What the generator finds: start images, rankings, walks and corner cases."""
