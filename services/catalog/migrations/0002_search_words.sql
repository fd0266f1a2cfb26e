-- The words of the range, for finding what is spelled alike. pg_trgm is a trusted extension: the owner may create it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE search_words (word text PRIMARY KEY);
CREATE INDEX search_words_trigram_idx ON search_words USING gin (word gin_trgm_ops);

-- Words are added in order, so that two writers take their locks in the same order. Words of names that are gone stay:
-- a correction that finds nothing is not used.
CREATE FUNCTION learn_search_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_words (word)
    SELECT word FROM unnest(tsvector_to_array(
        to_tsvector('simple', NEW.name || ' ' || NEW.maker || ' ' || NEW.description))) AS word
    WHERE char_length(word) BETWEEN 3 AND 40 ORDER BY word
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER products_words AFTER INSERT OR UPDATE OF name, maker, description ON products
    FOR EACH ROW EXECUTE FUNCTION learn_search_words();

INSERT INTO search_words (word)
SELECT DISTINCT word FROM products, unnest(tsvector_to_array(
    to_tsvector('simple', name || ' ' || maker || ' ' || description))) AS word
WHERE char_length(word) BETWEEN 3 AND 40 ORDER BY word
ON CONFLICT DO NOTHING;

CREATE INDEX products_price_idx ON products (price_minor);
CREATE INDEX products_maker_idx ON products (maker);
