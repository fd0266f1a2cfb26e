-- Since when a product is below a quarter of its target: the supplier needs time, and an empty shelf is seen meanwhile.
ALTER TABLE stock ADD COLUMN low_since timestamptz;
