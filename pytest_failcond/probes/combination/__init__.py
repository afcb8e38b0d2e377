"""Combinations of shifts that break the classifier, each as small as it can be found."""
