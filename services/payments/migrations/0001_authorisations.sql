-- One authorisation an order: whatever is repeated, an order is charged once.
CREATE TABLE authorisations (
    id              uuid PRIMARY KEY,
    order_id        uuid NOT NULL CONSTRAINT authorisations_order_key UNIQUE,
    idempotency_key text NOT NULL CONSTRAINT authorisations_idempotency_key UNIQUE,
    amount_minor    bigint NOT NULL CONSTRAINT authorisations_amount_positive CHECK (amount_minor > 0),
    currency        text NOT NULL,
    outcome         text NOT NULL CONSTRAINT authorisations_outcome_known CHECK (outcome IN ('approved', 'declined')),
    state           text NOT NULL CONSTRAINT authorisations_state_known CHECK (state IN ('open', 'captured', 'voided')),
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);
