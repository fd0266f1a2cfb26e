CREATE TABLE orders (
    id               uuid PRIMARY KEY,
    number           text NOT NULL CONSTRAINT orders_number_key UNIQUE,
    idempotency_key  text NOT NULL CONSTRAINT orders_idempotency_key UNIQUE,
    -- Tells a repeated request from another request under the same key.
    request_hash     bytea NOT NULL,
    account_id       uuid,
    email            text NOT NULL,
    ship_to          jsonb NOT NULL,
    payment_token    text NOT NULL,
    total_minor      bigint NOT NULL CONSTRAINT orders_total_positive CHECK (total_minor > 0),
    currency         text NOT NULL,
    status           text NOT NULL CONSTRAINT orders_status_known
                     CHECK (status IN ('pending', 'confirmed', 'declined', 'rejected')),
    -- The step that comes next; written before it is taken.
    step             text NOT NULL CONSTRAINT orders_step_known
                     CHECK (step IN ('reserve', 'authorise', 'confirm', 'capture', 'release', 'void', 'done')),
    reservation_id   uuid,
    authorisation_id uuid,
    -- Why it is being walked back.
    reason           text,
    attempts         integer NOT NULL DEFAULT 0,
    -- Nobody else touches the saga before.
    lease_until      timestamptz NOT NULL,
    traceparent      text,
    placed_at        timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CONSTRAINT orders_done_is_final CHECK ((step = 'done') = (status <> 'pending'))
);
CREATE INDEX orders_unfinished ON orders (lease_until) WHERE status = 'pending';
CREATE INDEX orders_by_account ON orders (account_id, placed_at DESC) WHERE account_id IS NOT NULL;

CREATE TABLE order_lines (
    order_id         uuid NOT NULL REFERENCES orders (id),
    position         integer NOT NULL,
    product_id       uuid NOT NULL,
    name             text NOT NULL,
    quantity         integer NOT NULL CONSTRAINT order_lines_quantity CHECK (quantity BETWEEN 1 AND 99),
    unit_price_minor bigint NOT NULL CONSTRAINT order_lines_price_positive CHECK (unit_price_minor > 0),
    PRIMARY KEY (order_id, position)
);

-- Events leave with the transaction that made them true, and are relayed afterwards.
CREATE TABLE outbox (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id    uuid NOT NULL CONSTRAINT outbox_event_key UNIQUE,
    kind        text NOT NULL,
    payload     jsonb NOT NULL,
    traceparent text,
    created_at  timestamptz NOT NULL
);
