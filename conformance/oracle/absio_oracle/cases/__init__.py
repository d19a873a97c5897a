"""The cases of the kit, by area. Every expected class is written down here by hand, and not what the oracle happened to find."""
