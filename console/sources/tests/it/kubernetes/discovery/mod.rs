//! The scraper and a cluster: targets and jobs come and go as objects do, and are those that Prometheus finds.

mod cluster;
mod differential;
mod monitors;
mod scraping;
mod targets;
