"""The user's subjects: classifier, judge and images, loaded and checked."""
