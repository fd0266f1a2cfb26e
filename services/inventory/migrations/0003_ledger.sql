-- A ledger behind stock: each movement is a row, and the sum of a product's deltas is what is available.
CREATE TABLE stock_movements (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id      uuid NOT NULL REFERENCES stock (product_id),
    at              timestamptz NOT NULL,
    delta           bigint NOT NULL CONSTRAINT stock_movements_move CHECK (delta <> 0 OR reason = 'opening'),
    reason          text NOT NULL CONSTRAINT stock_movements_reason_known
                    CHECK (reason IN ('opening', 'reserved', 'released', 'expired', 'cancelled', 'returned',
                                      'delivery', 'count', 'damage', 'theft', 'other')),
    actor           text NOT NULL DEFAULT 'system',
    note            text NOT NULL DEFAULT '',
    order_id        uuid,
    -- Key of a staff adjustment; remembered as long as the movement is.
    idempotency_key text
);
CREATE INDEX stock_movements_product ON stock_movements (product_id, id DESC);
CREATE UNIQUE INDEX stock_movements_key ON stock_movements (product_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX stock_movements_at ON stock_movements USING brin (at);

-- Counts the movements that the service booked itself. A change of `available` that does not raise it comes from an
-- earlier version running beside this one, or from a person at a prompt; the table then books it.
ALTER TABLE stock ADD COLUMN movements bigint NOT NULL DEFAULT 0;

-- Writers wait here until the opening rows stand, so that none is lost between the two.
LOCK TABLE stock IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO stock_movements (product_id, at, delta, reason)
SELECT product_id, now(), available, 'opening' FROM stock ORDER BY product_id;

CREATE FUNCTION book_stock_opening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stock_movements (product_id, at, delta, reason)
    VALUES (NEW.product_id, now(), NEW.available, 'opening');
    RETURN NULL;
END $$;
CREATE TRIGGER stock_opening AFTER INSERT ON stock FOR EACH ROW EXECUTE FUNCTION book_stock_opening();

CREATE FUNCTION book_stock_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stock_movements (product_id, at, delta, reason, note)
    VALUES (NEW.product_id, now(), NEW.available - OLD.available, 'other', 'booked by the table');
    RETURN NULL;
END $$;
CREATE TRIGGER stock_unbooked_change AFTER UPDATE ON stock FOR EACH ROW
    WHEN (NEW.available <> OLD.available AND NEW.movements = OLD.movements)
    EXECUTE FUNCTION book_stock_change();
