//! Where an item comes from: its resource and its instrumentation scope.

use console_model::span::{AttributeValue, Attributes};
use opentelemetry_proto::tonic::{common::v1::InstrumentationScope, resource::v1::Resource};

use super::value::{ItemError, attributes, text};
use crate::limits::IngestLimits;

/// The service of a resource that names none (OpenTelemetry's semantic conventions).
pub const UNKNOWN_SERVICE: &str = "unknown_service";

/// Resource attributes and scope.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origin {
    pub attributes: Attributes,
    pub scope_name: String,
    pub scope_version: String,
    pub scope_attributes: Attributes,
}

impl Origin {
    pub fn resource(given: Option<Resource>, limits: &IngestLimits) -> Result<Self, ItemError> {
        let given = given.map(|r| r.attributes).unwrap_or_default();
        Ok(Self { attributes: attributes("resource", given, limits.max_attributes)?, ..Self::default() })
    }

    /// The same resource with a scope.
    pub fn with_scope(
        self,
        given: Option<InstrumentationScope>,
        limits: &IngestLimits,
    ) -> Result<Self, ItemError> {
        let Some(scope) = given else { return Ok(self) };
        Ok(Self {
            attributes: self.attributes,
            scope_name: scope.name,
            scope_version: scope.version,
            scope_attributes: attributes("scope", scope.attributes, limits.max_attributes)?,
        })
    }

    /// A resource attribute as text.
    pub fn get(&self, key: &str) -> Option<String> {
        self.attributes.iter().find(|(k, _)| k == key).map(|(_, v)| text(v)).filter(|v| !v.is_empty())
    }

    /// `service.name`, where it is a text with something in it.
    pub fn service(&self) -> Option<&str> {
        self.attributes.iter().find_map(|(k, v)| match v {
            AttributeValue::String(s) if k == "service.name" && !s.is_empty() => Some(s.as_str()),
            _ => None,
        })
    }
}
