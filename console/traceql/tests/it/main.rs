mod corpus;
mod evaluation;
mod memory;
mod metrics;
mod search;
mod spans;
