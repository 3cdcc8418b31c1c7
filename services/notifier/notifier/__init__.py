"""Tells people what happened, through any service that apprise knows. It only reads what the others wrote."""
