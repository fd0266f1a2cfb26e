//! `console-frontend`.
