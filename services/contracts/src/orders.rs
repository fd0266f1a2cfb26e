//! Orders as they travel.
