-- SHA-256 of the payment token, never the token: tells a repeated call from the same key used with another card.
-- NULL in rows from before; those are compared without it.
ALTER TABLE authorisations ADD COLUMN token_digest bytea;
