"""`jupyter llm doctor`: what runs models here, on what, and what would mend what does not."""
