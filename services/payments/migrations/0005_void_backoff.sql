-- When a hold that nobody captures is next given back: those that the provider refuses to void wait longer each time, so
-- that they do not keep the others waiting. Additive: instances of the version before neither read nor write it.
ALTER TABLE authorisations
    ADD COLUMN void_attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN void_after    timestamptz;
