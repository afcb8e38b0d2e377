"""Review: readers who do not know its class say what an image shows, and so how valid corner cases are."""
