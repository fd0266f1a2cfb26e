//! The whole program in one process, over real sockets.

mod access;
mod alertmanager;
mod cluster;
mod console;
mod elasticsearch;
mod export;
mod fake_sns;
mod flux;
mod liveness;
mod pages;
mod program;
mod prometheus;
mod restart;
mod sns;
mod spanmetrics;
mod start;
mod state;
