"""A folder of this machine as an S3-like store: plain files at their keys' paths, the rest in a hidden folder."""
