"""The stages of the story: one verb a file. They meet in the vocabulary, and never import each other."""
