"""Models on a Hugging Face Hub: what there is, and how it gets here."""
