"""What this machine gives this process: memory and cores."""
