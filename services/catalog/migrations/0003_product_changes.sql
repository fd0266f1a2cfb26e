-- Who changed what of a product, and why.
CREATE TABLE product_changes (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id uuid NOT NULL REFERENCES products (id),
    at         timestamptz NOT NULL,
    actor      text NOT NULL,
    field      text NOT NULL CONSTRAINT product_changes_field_known CHECK (field IN ('name', 'description', 'price')),
    before     text NOT NULL,
    after      text NOT NULL,
    note       text NOT NULL
);
CREATE INDEX product_changes_product_idx ON product_changes (product_id, id DESC);
