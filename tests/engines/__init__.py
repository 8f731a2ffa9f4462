"""Engines that tests start on the loopback, one file each, every one called by its own name."""
