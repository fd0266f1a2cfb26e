-- What was asked of the provider, written before it is asked. Expands only: instances without these tables go on.
ALTER TABLE authorisations
    ADD COLUMN provider_reference text,
    ADD COLUMN refunded_minor bigint NOT NULL DEFAULT 0
        CONSTRAINT authorisations_refunded_bounded CHECK (refunded_minor BETWEEN 0 AND amount_minor),
    -- When this row is next compared with the provider's books; NULL when nothing is left to compare.
    ADD COLUMN verify_at timestamptz;
CREATE INDEX authorisations_reference ON authorisations (provider_reference);
CREATE INDEX authorisations_verify ON authorisations (verify_at) WHERE verify_at IS NOT NULL;
CREATE INDEX authorisations_held ON authorisations (created_at) WHERE state = 'open' AND outcome = 'approved';

CREATE TABLE payment_operations (
    id                 uuid PRIMARY KEY,
    kind               text NOT NULL CONSTRAINT operations_kind_known
                       CHECK (kind IN ('authorise', 'capture', 'void', 'refund')),
    order_id           uuid NOT NULL,
    -- The authorisation that it makes or changes; minted before the provider is asked.
    authorisation_id   uuid NOT NULL,
    -- What the provider tells repeats by.
    provider_key       text NOT NULL CONSTRAINT operations_provider_key UNIQUE,
    -- What our caller tells repeats by.
    idempotency_key    text NOT NULL,
    token_digest       bytea,
    amount_minor       bigint NOT NULL CONSTRAINT operations_amount_positive CHECK (amount_minor > 0),
    currency           text NOT NULL,
    state              text NOT NULL CONSTRAINT operations_state_known
                       CHECK (state IN ('requested', 'succeeded', 'declined', 'failed', 'unknown')),
    provider_reference text,
    failure            text,
    attempts           integer NOT NULL DEFAULT 0,
    -- Until then somebody waits for the provider's answer; nobody else asks meanwhile.
    lease_until        timestamptz,
    last_call_at       timestamptz,
    next_attempt_at    timestamptz NOT NULL,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL
);
CREATE UNIQUE INDEX operations_authorise_order ON payment_operations (order_id) WHERE kind = 'authorise';
CREATE UNIQUE INDEX operations_caller_key ON payment_operations (kind, idempotency_key)
    WHERE kind IN ('authorise', 'refund');
CREATE INDEX operations_authorisation ON payment_operations (authorisation_id);
CREATE INDEX operations_reference ON payment_operations (provider_reference);
CREATE INDEX operations_due ON payment_operations (next_attempt_at) WHERE state IN ('requested', 'unknown');

-- Orders that want no money any more: what the provider still decides for them is given back.
CREATE TABLE abandoned_orders (
    order_id      uuid PRIMARY KEY,
    abandoned_at  timestamptz NOT NULL,
    next_check_at timestamptz NOT NULL,
    attempts      integer NOT NULL DEFAULT 0,
    settled_at    timestamptz
);
CREATE INDEX abandoned_due ON abandoned_orders (next_check_at) WHERE settled_at IS NULL;

-- Webhooks seen, so that a replayed one does nothing.
CREATE TABLE webhook_events (
    provider    text NOT NULL,
    event_id    text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (provider, event_id)
);
CREATE INDEX webhook_events_age ON webhook_events (received_at);

-- Where the provider's books and ours disagreed.
CREATE TABLE payment_differences (
    authorisation_id uuid NOT NULL,
    kind             text NOT NULL,
    found_at         timestamptz NOT NULL,
    resolved_at      timestamptz,
    PRIMARY KEY (authorisation_id, kind)
);
CREATE INDEX differences_open ON payment_differences (kind) WHERE resolved_at IS NULL;
