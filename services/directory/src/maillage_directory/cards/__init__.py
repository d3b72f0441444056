"""A service as readers see it: its shape, and how a card of the projection becomes one."""
