"""Review: readers name the class of images without being told it; their answers measure how many corner cases are valid."""
