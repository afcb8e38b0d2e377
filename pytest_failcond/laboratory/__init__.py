"""The subjects, and the test images classified by them."""
