"""What users test with, and what we test ourselves with: servers and links to break, a journal, the accounting."""
