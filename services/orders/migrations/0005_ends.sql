-- How refunds and returns end that no program ends: settled by hand, refused, withdrawn. Additive: instances of the
-- version before neither read nor write the new columns; to them a return that was refused or withdrawn is announced.
ALTER TABLE give_backs
    -- A person gave the money back, or put the pieces back on sale, by hand.
    ADD COLUMN money_by_hand_at  timestamptz,
    ADD COLUMN pieces_by_hand_at timestamptz;

ALTER TABLE order_returns
    ADD COLUMN closed_as     text CONSTRAINT order_returns_closed_as_known CHECK (closed_as IN ('refused', 'withdrawn')),
    ADD COLUMN closed_reason text NOT NULL DEFAULT '',
    ADD COLUMN closed_at     timestamptz;

-- What waits for staff, oldest first.
CREATE INDEX orders_to_ship ON orders (placed_at, id) WHERE status = 'confirmed' AND shipped_at IS NULL;
CREATE INDEX order_returns_announced ON order_returns (created_at) WHERE status = 'requested' AND closed_at IS NULL;
