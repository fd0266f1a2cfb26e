-- What a total is made of: delivery, discount, tax. Additive: rows of the version before have no tax by rate, which says
-- that nothing but goods was charged.
ALTER TABLE orders
    ADD COLUMN delivery_method text NOT NULL DEFAULT 'standard'
        CONSTRAINT orders_delivery_method_known CHECK (delivery_method IN ('standard', 'express', 'pick_up')),
    ADD COLUMN delivery_minor  bigint NOT NULL DEFAULT 0
        CONSTRAINT orders_delivery_not_negative CHECK (delivery_minor >= 0),
    ADD COLUMN discount_minor  bigint NOT NULL DEFAULT 0
        CONSTRAINT orders_discount_not_negative CHECK (discount_minor >= 0),
    ADD COLUMN voucher_code    text,
    -- [{"rate_bp": …, "gross": …, "tax": …}]
    ADD COLUMN taxes           jsonb;

ALTER TABLE order_lines
    ADD COLUMN discount_minor bigint NOT NULL DEFAULT 0
        CONSTRAINT order_lines_discount_not_negative CHECK (discount_minor >= 0),
    ADD COLUMN tax_rate_bp    integer,
    ADD COLUMN tax_minor      bigint,
    ADD CONSTRAINT order_lines_tax_whole CHECK ((tax_rate_bp IS NULL) = (tax_minor IS NULL));

ALTER TABLE give_backs
    -- The tax in the amount, where that is known.
    ADD COLUMN tax_minor bigint CONSTRAINT give_backs_tax CHECK (tax_minor BETWEEN 0 AND amount_minor);
