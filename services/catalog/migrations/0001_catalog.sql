-- Categories, products and the full-text index over them.
CREATE TABLE categories (
    slug     text PRIMARY KEY,
    name     text NOT NULL,
    blurb    text NOT NULL,
    position integer NOT NULL
);

CREATE TABLE products (
    id          uuid PRIMARY KEY,
    slug        text NOT NULL CONSTRAINT products_slug_unique UNIQUE,
    name        text NOT NULL,
    maker       text NOT NULL,
    category    text NOT NULL REFERENCES categories (slug),
    motif       text NOT NULL,
    price_minor bigint NOT NULL CONSTRAINT products_price_positive CHECK (price_minor > 0),
    currency    text NOT NULL,
    description text NOT NULL,
    attributes  jsonb NOT NULL DEFAULT '[]',
    position    integer NOT NULL,
    search      tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('english', name), 'A')
        || setweight(to_tsvector('english', maker), 'B')
        || setweight(to_tsvector('english', description), 'C')
        || setweight(to_tsvector('english', attributes), 'D')
    ) STORED
);

CREATE INDEX products_search_idx ON products USING gin (search);
CREATE INDEX products_category_position_idx ON products (category, position);
CREATE INDEX products_category_price_idx ON products (category, price_minor);
