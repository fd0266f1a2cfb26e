-- Variants: products that are one thing in several makes. Additive: instances of the version before read none of it, and
-- what they insert is in no group.

-- 1 to 3 texts, none empty, none padded, none longer than `longest` characters.
CREATE FUNCTION variant_words_fit(words text[], longest integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT array_ndims(words) = 1 AND cardinality(words) BETWEEN 1 AND 3
        AND NOT EXISTS (SELECT FROM unnest(words) AS word
                        WHERE word IS NULL OR word = '' OR word <> btrim(word) OR char_length(word) > longest)
$$;
-- The same for two combinations that differ in the case of letters only. No text holds the separator.
CREATE FUNCTION variant_key(words text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT lower(array_to_string(words, E'\x1f'))
$$;

CREATE TABLE variant_groups (
    id           uuid PRIMARY KEY,
    title        text NOT NULL CONSTRAINT variant_groups_title_fits
        CHECK (title <> '' AND title = btrim(title) AND char_length(title) <= 120),
    options      text[] NOT NULL CONSTRAINT variant_groups_options_fit CHECK (variant_words_fit(options, 40)),
    option_count integer NOT NULL GENERATED ALWAYS AS (cardinality(options)) STORED,
    -- What products refer to: so that none has more or fewer values than its group has options.
    CONSTRAINT variant_groups_count_unique UNIQUE (id, option_count)
);

ALTER TABLE products
    ADD COLUMN variant_group_id uuid,
    ADD COLUMN variant_values text[] CONSTRAINT products_variant_values_fit
        CHECK (variant_values IS NULL OR variant_words_fit(variant_values, 40)),
    ADD COLUMN variant_value_count integer GENERATED ALWAYS AS (cardinality(variant_values)) STORED,
    ADD CONSTRAINT products_variant_whole CHECK ((variant_group_id IS NULL) = (variant_values IS NULL)),
    ADD CONSTRAINT products_variant_group_fits FOREIGN KEY (variant_group_id, variant_value_count)
        REFERENCES variant_groups (id, option_count);
-- Finds a group's products too.
CREATE UNIQUE INDEX products_variant_combination_unique ON products (variant_group_id, variant_key(variant_values))
    WHERE variant_group_id IS NOT NULL;

-- A wider set of fields: what instances of the version before write is in it.
ALTER TABLE product_changes
    DROP CONSTRAINT product_changes_field_known,
    ADD CONSTRAINT product_changes_field_known CHECK (field IN ('name', 'description', 'price', 'variant'));
