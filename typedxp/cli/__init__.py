"""The ``typedxp`` command: one thin file per subcommand."""
