"""Time: the one loop forward and the one loop backward; truncation, checkpointing, online gradients."""
