//! Inventory: stock levels and reservations as they travel.
