//! Events on the stream `orders.events`.
