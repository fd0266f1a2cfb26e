-- The sandbox provider's own books. Nothing but the sandbox reads or writes them, as if they were elsewhere: no foreign
-- keys lead here, and money moved twice is two rows, so that books can be compared.
CREATE TABLE sandbox_payments (
    reference       text PRIMARY KEY,
    idempotency_key text NOT NULL CONSTRAINT sandbox_payments_key UNIQUE,
    order_id        uuid NOT NULL,
    amount_minor    bigint NOT NULL,
    currency        text NOT NULL,
    outcome         text NOT NULL CONSTRAINT sandbox_outcome_known CHECK (outcome IN ('approved', 'declined')),
    capture_fails   boolean NOT NULL,
    created_at      timestamptz NOT NULL
);
CREATE INDEX sandbox_payments_order ON sandbox_payments (order_id);

CREATE TABLE sandbox_movements (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reference       text NOT NULL REFERENCES sandbox_payments (reference),
    kind            text NOT NULL CONSTRAINT sandbox_movement_known
                    CHECK (kind IN ('hold', 'capture', 'release', 'refund')),
    idempotency_key text NOT NULL,
    amount_minor    bigint NOT NULL,
    created_at      timestamptz NOT NULL
);
CREATE INDEX sandbox_movements_reference ON sandbox_movements (reference);

-- Authorisations from before the books: carried over, so that they can be captured and given back.
INSERT INTO sandbox_payments
    (reference, idempotency_key, order_id, amount_minor, currency, outcome, capture_fails, created_at)
SELECT 'sbx_' || replace(id::text, '-', ''), order_id::text, order_id, amount_minor, currency, outcome, false, created_at
FROM authorisations;
INSERT INTO sandbox_movements (reference, kind, idempotency_key, amount_minor, created_at)
SELECT 'sbx_' || replace(id::text, '-', ''), 'hold', order_id::text, amount_minor, created_at
FROM authorisations WHERE outcome = 'approved';
INSERT INTO sandbox_movements (reference, kind, idempotency_key, amount_minor, created_at)
SELECT 'sbx_' || replace(id::text, '-', ''), CASE state WHEN 'captured' THEN 'capture' ELSE 'release' END,
       CASE state WHEN 'captured' THEN 'capture:' ELSE 'void:' END || id::text, amount_minor, updated_at
FROM authorisations WHERE state IN ('captured', 'voided');
UPDATE authorisations SET provider_reference = 'sbx_' || replace(id::text, '-', '');
INSERT INTO payment_operations
    (id, kind, order_id, authorisation_id, provider_key, idempotency_key, token_digest, amount_minor, currency, state,
     provider_reference, next_attempt_at, created_at, updated_at)
SELECT id, 'authorise', order_id, id, order_id::text, idempotency_key, token_digest, amount_minor, currency,
       CASE outcome WHEN 'approved' THEN 'succeeded' ELSE 'declined' END, provider_reference, updated_at, created_at,
       updated_at
FROM authorisations;
