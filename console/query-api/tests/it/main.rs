//! The APIs from outside, over a real store and a real engine.

mod elasticsearch;
mod expressions;
mod federate;
mod grafana;
mod harness;
mod histograms;
mod loki;
mod prometheus;
mod promtool;
mod protocol;
mod queries;
mod remote_read;
mod rules;
mod selection;
mod status;
mod targets;
mod traces;
