"""The story on one page: command line -> plan -> runs."""
