"""`jobctl top`: the operator's console, on textual. Imported only when it is started on a terminal."""
