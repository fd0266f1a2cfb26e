//! Payment authorisations as they travel.
