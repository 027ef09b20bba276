"""Replays recorded behaviour against the product; see run.py."""
