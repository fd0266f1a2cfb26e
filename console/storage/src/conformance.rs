//! Suites that every adapter of a port runs, one module a signal. Each takes a fresh, empty adapter.
