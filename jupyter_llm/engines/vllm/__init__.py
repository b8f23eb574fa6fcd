"""vLLM: folders of safetensors on GPUs, and on the processor with a build for it."""
