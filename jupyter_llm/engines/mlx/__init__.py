"""MLX: folders of safetensors on Apple silicon, and on the processor of a Linux machine."""
