"""S3 and what speaks like it: signed requests of our own for bytes and listings, the AWS SDK for the rest."""
