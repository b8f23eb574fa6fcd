"""The `%llm` and `%%llm` magics: language models in notebook cells."""
