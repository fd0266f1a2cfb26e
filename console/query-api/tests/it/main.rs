//! The APIs from outside, over a real store and a real engine.

mod expressions;
mod grafana;
mod harness;
mod histograms;
mod promtool;
mod queries;
mod rules;
mod selection;
mod status;
mod targets;
