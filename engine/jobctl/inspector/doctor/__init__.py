"""The doctor: what is wrong with a broker and its workers, what it means, and what to do. One module a check."""
