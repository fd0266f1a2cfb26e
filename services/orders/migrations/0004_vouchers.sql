CREATE TABLE vouchers (
    id                  uuid PRIMARY KEY,
    code                text NOT NULL CONSTRAINT vouchers_code_key UNIQUE
                        CONSTRAINT vouchers_code_form CHECK (code ~ '^[A-Z0-9-]{4,24}$'),
    -- {"kind": "percent", "percent": …} or {"kind": "amount", "amount": …}
    benefit             jsonb NOT NULL,
    minimum_minor       bigint NOT NULL CONSTRAINT vouchers_minimum CHECK (minimum_minor >= 0),
    currency            text NOT NULL,
    starts_at           timestamptz NOT NULL,
    ends_at             timestamptz NOT NULL,
    max_uses            integer NOT NULL CONSTRAINT vouchers_max_uses CHECK (max_uses BETWEEN 1 AND 1000000),
    max_uses_per_person integer CONSTRAINT vouchers_max_uses_per_person CHECK (max_uses_per_person >= 1),
    -- Orders that use it. Changed under the row's lock only, together with voucher_redemptions.
    uses                integer NOT NULL DEFAULT 0
                        CONSTRAINT vouchers_uses CHECK (uses BETWEEN 0 AND max_uses),
    note                text NOT NULL,
    created_by          text NOT NULL,
    created_at          timestamptz NOT NULL,
    ended_by            text,
    ended_at            timestamptz,
    end_note            text NOT NULL DEFAULT '',
    CONSTRAINT vouchers_time CHECK (starts_at < ends_at),
    CONSTRAINT vouchers_end_whole CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);
CREATE INDEX vouchers_by_time ON vouchers (created_at DESC, id DESC);

-- Which order used which. Who bought stands with the order, and is forgotten with it.
CREATE TABLE voucher_redemptions (
    order_id      uuid PRIMARY KEY REFERENCES orders (id),
    voucher_id    uuid NOT NULL REFERENCES vouchers (id),
    -- The order ended without a sale, or was cancelled: the use counts no more.
    given_back_at timestamptz
);
CREATE INDEX voucher_redemptions_counted ON voucher_redemptions (voucher_id) WHERE given_back_at IS NULL;

-- However an order ends, by this version, by the one before that knows no vouchers, or by a person at a prompt: its use
-- is given back in the transaction that ends it.
CREATE FUNCTION give_voucher_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH given_back AS (
        UPDATE voucher_redemptions SET given_back_at = NEW.updated_at
        WHERE order_id = NEW.id AND given_back_at IS NULL RETURNING voucher_id
    )
    UPDATE vouchers SET uses = uses - 1 FROM given_back WHERE vouchers.id = given_back.voucher_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER orders_give_voucher_back AFTER UPDATE OF status ON orders FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status AND NEW.voucher_code IS NOT NULL
          AND NEW.status IN ('declined', 'rejected', 'cancelled'))
    EXECUTE FUNCTION give_voucher_back();
