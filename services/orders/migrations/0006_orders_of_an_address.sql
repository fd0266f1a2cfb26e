-- Orders of an address, newest first: found and sorted by one index, whatever the planner thinks of an address it knows
-- nothing about. It does everything that orders_by_email did, for instances of the version before too.
CREATE INDEX orders_of_address ON orders (lower(email), placed_at DESC, id DESC) WHERE email <> '';
DROP INDEX orders_by_email;
