"""Judges that are trained here: what they are, and the file that packs them."""
