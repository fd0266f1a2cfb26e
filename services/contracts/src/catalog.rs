//! Catalogue: products, categories and search as they travel.
