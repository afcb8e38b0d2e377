"""Training of judges from labelled images alone, and the measuring of their quality."""
