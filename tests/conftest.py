"""What all tests share: pytester, which runs pytest on small projects."""

pytest_plugins = ["pytester"]
