//! The deterministic product range that catalog and inventory both start from.
