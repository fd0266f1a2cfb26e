//! The engine from outside: files, semantics of rules and routes, and messages as their receivers get them.

mod corpus;
mod engine;
mod fakes;
mod files;
mod routing;
mod rules;
mod slack;
