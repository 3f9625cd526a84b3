"""From a trained net to one for other data."""
