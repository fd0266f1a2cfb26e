-- What else is to be known of an account's cart on the next device: which orders may have come of it, and which other
-- carts are part of it already. Each write is a revision, also one of an instance that does not know of them: so a device
-- that worked with an older one is told.
ALTER TABLE account_carts
    ADD COLUMN attempt     integer NOT NULL DEFAULT 0,
    -- The newest version that is known to have become an order.
    ADD COLUMN ordered_version bigint NOT NULL DEFAULT 0,
    -- At most 8 each, checked before they are written.
    ADD COLUMN open_orders jsonb   NOT NULL DEFAULT '[]',
    ADD COLUMN merged      jsonb   NOT NULL DEFAULT '[]',
    ADD COLUMN revision    bigint  NOT NULL DEFAULT 1;

CREATE FUNCTION account_carts_next_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END $$;

CREATE TRIGGER account_carts_revision BEFORE UPDATE ON account_carts
    FOR EACH ROW EXECUTE FUNCTION account_carts_next_revision();
