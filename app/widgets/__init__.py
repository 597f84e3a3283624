"""Small painted parts that the views are made of."""
