CREATE TABLE stock (
    product_id uuid PRIMARY KEY,
    -- Pieces that nobody has reserved. Never negative: the last line of defence against overselling.
    available  integer NOT NULL CONSTRAINT stock_never_negative CHECK (available >= 0),
    -- The supplier refills up to here.
    target     integer NOT NULL CONSTRAINT stock_target_positive CHECK (target > 0)
);
CREATE INDEX stock_low ON stock (product_id) WHERE available * 4 < target;

CREATE TABLE reservations (
    id         uuid PRIMARY KEY,
    order_id   uuid NOT NULL CONSTRAINT reservations_order_key UNIQUE,
    state      text NOT NULL CONSTRAINT reservations_state_known
               CHECK (state IN ('held', 'confirmed', 'released', 'expired')),
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX reservations_held ON reservations (expires_at) WHERE state = 'held';

CREATE TABLE reservation_lines (
    reservation_id uuid NOT NULL REFERENCES reservations (id),
    product_id     uuid NOT NULL REFERENCES stock (product_id),
    quantity       integer NOT NULL CONSTRAINT reservation_lines_quantity CHECK (quantity BETWEEN 1 AND 99),
    PRIMARY KEY (reservation_id, product_id)
);
