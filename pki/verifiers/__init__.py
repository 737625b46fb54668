"""Other verifiers, asked about the same certificate; and where they are known to disagree."""
