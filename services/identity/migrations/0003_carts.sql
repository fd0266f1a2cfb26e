-- What an account keeps of its cart, from one device to the next: the last one that was changed.
CREATE TABLE account_carts (
    account_id uuid PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    cart_id    text NOT NULL CONSTRAINT account_carts_id_size CHECK (octet_length(cart_id) BETWEEN 1 AND 64),
    version    bigint NOT NULL,
    -- At most 50, checked before they are written.
    lines      jsonb NOT NULL,
    updated_at timestamptz NOT NULL
);
