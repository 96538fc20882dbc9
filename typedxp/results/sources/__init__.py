"""Where runs are read from: our own store, and the directories that other tools leave behind."""
