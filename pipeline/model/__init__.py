"""The network, and the bundle in which it goes out."""
