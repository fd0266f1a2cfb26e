//! Ports of the console.
//!
//! Two families, and nothing else crosses between engines, stores and pages:
//! - `metrics`, `logs`, `traces`: what an embedded store offers to an engine and to ingest (synchronous, in process);
//! - `source`: what pages and HTTP APIs read, whichever backend stands behind (asynchronous).
//!
//! Deliberately without implementations; [`parallel`] is how engines and stores spread work, [`file`] how configuration
//! is read, [`conformance`] holds the suites that every adapter runs.

pub mod conformance;
pub mod error;
pub mod file;
pub mod logs;
pub mod metrics;
pub mod parallel;
pub mod source;
pub mod trace_query;
pub mod traces;

pub use error::{AppendError, SourceError, StorageError};
