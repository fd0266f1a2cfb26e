-- What comes after the checkout, and an end for every step of it. Additive: instances of the version before run beside
-- this one; they neither read nor write the new columns and tables.

ALTER TABLE orders
    -- The cart's version that this order consumed.
    ADD COLUMN cart_id                text,
    ADD COLUMN cart_version           bigint,
    -- Grows with every change of owner: who lost the saga cannot write any more.
    ADD COLUMN fence                  bigint NOT NULL DEFAULT 0,
    -- Why the step waits for a person.
    ADD COLUMN review                 text CONSTRAINT orders_review_known CHECK (review IN ('failed', 'timeout')),
    ADD COLUMN carrier                text,
    ADD COLUMN tracking_number        text,
    ADD COLUMN shipped_at             timestamptz,
    -- Asked for while the parcel still needed its address; done when the order has ended.
    ADD COLUMN anonymise_requested_at timestamptz,
    ADD COLUMN anonymised_at          timestamptz,
    ADD CONSTRAINT orders_cart_whole CHECK ((cart_id IS NULL) = (cart_version IS NULL)),
    ADD CONSTRAINT orders_shipment_whole
        CHECK ((shipped_at IS NULL) = (carrier IS NULL) AND (shipped_at IS NULL) = (tracking_number IS NULL)),
    DROP CONSTRAINT orders_status_known,
    ADD CONSTRAINT orders_status_known
        CHECK (status IN ('pending', 'confirmed', 'declined', 'rejected', 'cancelled', 'manual_review')),
    DROP CONSTRAINT orders_step_known,
    ADD CONSTRAINT orders_step_known
        CHECK (step IN ('reserve', 'authorise', 'confirm', 'capture', 'abandon', 'void', 'release', 'done')),
    DROP CONSTRAINT orders_done_is_final,
    ADD CONSTRAINT orders_done_is_final CHECK ((step = 'done') = (status NOT IN ('pending', 'manual_review'))),
    ADD CONSTRAINT orders_review_waits CHECK ((review IS NOT NULL) = (status = 'manual_review'));

-- A cart's version is one order, unless nothing came of it.
CREATE UNIQUE INDEX orders_cart_consumed ON orders (cart_id, cart_version)
    WHERE cart_id IS NOT NULL AND status NOT IN ('declined', 'rejected');
CREATE INDEX orders_in_review ON orders (updated_at) WHERE status = 'manual_review';
CREATE INDEX orders_by_time ON orders (placed_at DESC, id DESC);
CREATE INDEX orders_by_email ON orders (lower(email)) WHERE email <> '';
CREATE INDEX orders_of_guests ON orders (placed_at) WHERE account_id IS NULL AND anonymised_at IS NULL;
CREATE INDEX orders_to_anonymise ON orders (anonymise_requested_at)
    WHERE anonymise_requested_at IS NOT NULL AND anonymised_at IS NULL;

CREATE TABLE order_returns (
    id              uuid PRIMARY KEY,
    order_id        uuid NOT NULL REFERENCES orders (id),
    idempotency_key text NOT NULL,
    request_hash    bytea NOT NULL,
    -- [{"product_id": …, "quantity": …}]
    lines           jsonb NOT NULL,
    reason          text NOT NULL,
    status          text NOT NULL CONSTRAINT order_returns_status_known CHECK (status IN ('requested', 'received')),
    created_at      timestamptz NOT NULL,
    CONSTRAINT order_returns_key UNIQUE (order_id, idempotency_key)
);

-- Money and pieces that go back: a saga of its own, each step written before it is taken.
CREATE TABLE give_backs (
    id              uuid PRIMARY KEY,
    order_id        uuid NOT NULL REFERENCES orders (id),
    idempotency_key text NOT NULL,
    request_hash    bytea NOT NULL,
    reason          text NOT NULL CONSTRAINT give_backs_reason_known
                    CHECK (reason IN ('cancelled', 'returned', 'goodwill')),
    amount_minor    bigint NOT NULL CONSTRAINT give_backs_amount CHECK (amount_minor >= 0),
    -- Pieces that go back on sale: [{"product_id": …, "quantity": …}]
    restock         jsonb NOT NULL,
    -- A checkout that a person walks back: nobody knows whether money was taken and stock was sold.
    unwind          boolean NOT NULL,
    step            text NOT NULL CONSTRAINT give_backs_step_known
                    CHECK (step IN ('void', 'refund', 'unreserve', 'restock', 'done')),
    status          text NOT NULL CONSTRAINT give_backs_status_known
                    CHECK (status IN ('pending', 'refunded', 'failed')),
    review          text CONSTRAINT give_backs_review_known CHECK (review IN ('failed', 'timeout')),
    -- Part of the key at payments: a refund that was refused is asked for anew only under another one.
    round           integer NOT NULL DEFAULT 0,
    attempts        integer NOT NULL DEFAULT 0,
    fence           bigint NOT NULL DEFAULT 0,
    lease_until     timestamptz NOT NULL,
    traceparent     text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT give_backs_key UNIQUE (order_id, idempotency_key)
);
CREATE INDEX give_backs_unfinished ON give_backs (lease_until) WHERE step <> 'done' AND review IS NULL;
CREATE INDEX give_backs_in_review ON give_backs (updated_at) WHERE review IS NOT NULL;

-- Everything that happened to an order, and who did it.
CREATE TABLE order_history (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id uuid NOT NULL REFERENCES orders (id),
    at       timestamptz NOT NULL,
    actor    text NOT NULL,
    action   text NOT NULL,
    detail   text NOT NULL
);
CREATE INDEX order_history_by_order ON order_history (order_id, seq);
