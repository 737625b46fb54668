"""What is in a file, in words: objects described, dumped and compared."""
