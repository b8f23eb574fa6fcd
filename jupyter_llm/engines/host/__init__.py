"""Any engine in a child process, behind the same interface."""
