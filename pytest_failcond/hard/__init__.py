"""Hard images: labelled images at and beyond a classifier's failures, to train the next one with."""
