//! Pages as a browser without script gets them, from sources in memory.

mod alerts;
mod cluster;
mod fakes;
mod islands;
mod knowledge;
mod logs;
mod metrics;
mod overview;
mod site;
mod story;
mod traces;
