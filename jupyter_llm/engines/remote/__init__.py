"""Models of other services: whatever speaks OpenAI's protocol at a URL that the operator gave."""
