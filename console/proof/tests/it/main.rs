//! The proofs' own parts, from outside.

mod peers;
