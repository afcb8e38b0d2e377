"""What the user brings: classifier, judge and images, loaded and checked."""
