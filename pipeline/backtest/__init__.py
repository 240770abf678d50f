"""Past tables: replayed as nights, and settings tuned on what came after them."""
