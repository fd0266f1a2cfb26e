//! The fuzz targets without a fuzzer: on any machine, in a few seconds, the same inputs every time.

mod found;
mod mutations;
mod round_trips;
mod targets;
