-- A voucher's limit a person outlives the address of an order that was anonymised. Additive: instances of the version
-- before neither read nor write the column; an order that one of them anonymises keeps the digest that it has.
ALTER TABLE voucher_redemptions
    -- Of the order's address and this voucher, under a key that is not in the database. Empty where nobody counts by
    -- person, where the use was given back, and soon after nobody can use the voucher any more.
    ADD COLUMN address_digest bytea;
CREATE INDEX voucher_redemptions_by_address ON voucher_redemptions (voucher_id, address_digest)
    WHERE address_digest IS NOT NULL;

-- As before, and what counts no more is forgotten.
CREATE OR REPLACE FUNCTION give_voucher_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH given_back AS (
        UPDATE voucher_redemptions SET given_back_at = NEW.updated_at, address_digest = NULL
        WHERE order_id = NEW.id AND given_back_at IS NULL RETURNING voucher_id
    )
    UPDATE vouchers SET uses = uses - 1 FROM given_back WHERE vouchers.id = given_back.voucher_id;
    RETURN NULL;
END
$$;
