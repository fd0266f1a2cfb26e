-- Which rate of value-added tax a product has. Additive: instances of the version before do not read it, and what they
-- insert has the standard rate.
ALTER TABLE products
    ADD COLUMN tax_class text NOT NULL DEFAULT 'standard'
        CONSTRAINT products_tax_class_known CHECK (tax_class IN ('standard', 'printed'));
-- The house of charts and books sells printed matter only.
UPDATE products SET tax_class = 'printed' WHERE maker = 'Blue Line Charts';
