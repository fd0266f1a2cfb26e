//! Conditions of a search, made ready: what they look at, and whether a value meets them.
//!
//! What holds: an answer of "no" is certain. Where types or meanings leave doubt, the answer is "maybe", which is yes here: the
//! engine looks at the whole trace afterwards.

use std::cmp::Ordering;

use console_model::span::{AttributeValue, Attributes};
use console_storage::traces::{AttributeScope, ConditionOp, SpanCondition, SpanPattern};

use crate::{
    part::bloom,
    value::{Row, Value},
};

/// The key under which names of events are hashed, beside the keys of their attributes.
pub const EVENT_NAME: &str = "\0name";

/// Where attributes lie in a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    Span,
    Resource,
    Event,
    Link,
    Scope,
}

impl Place {
    pub const ALL: [Self; 5] = [Self::Span, Self::Resource, Self::Event, Self::Link, Self::Scope];

    pub fn of(scope: AttributeScope) -> Option<Self> {
        Some(match scope {
            AttributeScope::Span => Self::Span,
            AttributeScope::Resource => Self::Resource,
            AttributeScope::Event => Self::Event,
            AttributeScope::Link => Self::Link,
            AttributeScope::Instrumentation => Self::Scope,
            AttributeScope::Intrinsic => return None,
        })
    }

    /// The seed of hashes of a key's values.
    pub fn key_hash(self, key: &str) -> u64 {
        bloom::hash(16 + self as u64, key.as_bytes())
    }
}

/// What a condition looks at.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Name,
    StatusMessage,
    Status,
    Kind,
    Duration,
    EventName,
    ScopeName,
    ScopeVersion,
    /// The service of the span, or `service.name` of its resource.
    Service,
    /// A key in any of these places.
    Attribute(Vec<Place>, String),
}

#[derive(Clone, Debug)]
pub struct Condition {
    pub target: Target,
    pub op: ConditionOp,
    pub value: Option<AttributeValue>,
    /// Hashes, any of which a group that may have a wanted value has; empty when hashes cannot tell.
    pub hashes: Vec<u64>,
}

/// Conditions for one span, without those that cannot be decided here.
pub type Pattern = Vec<Condition>;

pub fn patterns(wanted: &[SpanPattern]) -> Vec<Pattern> {
    // A pattern without a condition is met by any span: it says nothing.
    let ready = |p: &SpanPattern| p.iter().filter_map(Condition::new).collect::<Pattern>();
    wanted.iter().map(ready).filter(|p| !p.is_empty()).collect()
}

/// The pattern of a service.
pub fn of_service(name: &str) -> Condition {
    let value = AttributeValue::String(name.to_owned());
    let key = Place::Resource.key_hash("service.name");
    let hashes = vec![bloom::text_hash(key, name), bloom::opaque_hash(key)];
    Condition { target: Target::Service, op: ConditionOp::Equal, value: Some(value), hashes }
}

impl Condition {
    /// Nothing for a condition that only the whole trace can answer.
    fn new(wanted: &SpanCondition) -> Option<Self> {
        if wanted.value.is_none() && wanted.op != ConditionOp::Exists {
            return None;
        }
        let target = match wanted.scope {
            None => Target::Attribute(vec![Place::Span, Place::Resource], wanted.name.clone()),
            Some(AttributeScope::Intrinsic) => intrinsic(&wanted.name)?,
            Some(scope) => Target::Attribute(vec![Place::of(scope)?], wanted.name.clone()),
        };
        let value = wanted.value.clone();
        let hashes = match (&target, &value) {
            (Target::Attribute(places, key), Some(value)) if wanted.op == ConditionOp::Equal => {
                places.iter().flat_map(|p| wanted_hashes(p.key_hash(key), value)).collect()
            }
            (Target::EventName, Some(value)) if wanted.op == ConditionOp::Equal => {
                wanted_hashes(Place::Event.key_hash(EVENT_NAME), value)
            }
            _ => Vec::new(),
        };
        Some(Self { target, op: wanted.op, value, hashes })
    }

    pub fn holds(&self, value: &Value<'_>) -> bool {
        match &self.value {
            None => true,
            Some(wanted) => matches(self.op, value, wanted),
        }
    }

    pub fn holds_text(&self, text: &str) -> bool {
        self.holds(&Value::Str(text))
    }

    pub fn holds_in(&self, attributes: &Attributes, key: &str) -> bool {
        attributes.iter().any(|(k, v)| k == key && self.holds(&Value::from(v)))
    }

    /// Whether a span meets the condition.
    pub fn met_by(&self, row: &Row<'_>) -> bool {
        match &self.target {
            Target::Name => self.holds_text(row.name),
            Target::StatusMessage => self.holds_text(row.status_message),
            Target::Status => self.holds_text(row.status.word()),
            Target::Kind => self.holds_text(row.kind.word()),
            Target::Duration => self.holds(&Value::Int(row.duration_ns)),
            Target::EventName => row.events.iter().any(|e| self.holds_text(&e.name)),
            Target::ScopeName => self.holds_text(&row.scope.name),
            Target::ScopeVersion => self.holds_text(&row.scope.version),
            Target::Service => self.holds_text(row.service) || self.holds_in(row.resource, "service.name"),
            Target::Attribute(places, key) => places.iter().any(|place| match place {
                Place::Span => row.attributes.iter().any(|(k, v)| k == key && self.holds(v)),
                Place::Resource => self.holds_in(row.resource, key),
                Place::Event => row.events.iter().any(|e| self.holds_in(&e.attributes, key)),
                Place::Link => row.links.iter().any(|l| self.holds_in(&l.attributes, key)),
                Place::Scope => self.holds_in(&row.scope.attributes, key),
            }),
        }
    }

    /// A text without which no span of a batch meets the condition.
    pub fn needed_text(&self) -> Option<&str> {
        match (&self.target, &self.value) {
            (Target::Attribute(_, key), _) => Some(key),
            (
                Target::Name | Target::EventName | Target::StatusMessage | Target::Service,
                Some(AttributeValue::String(s)),
            ) if self.op == ConditionOp::Equal => Some(s),
            _ => None,
        }
    }
}

fn intrinsic(name: &str) -> Option<Target> {
    Some(match name {
        "name" | "span:name" => Target::Name,
        "statusMessage" | "span:statusMessage" => Target::StatusMessage,
        "status" | "span:status" => Target::Status,
        "kind" | "span:kind" => Target::Kind,
        "duration" | "span:duration" => Target::Duration,
        "event:name" => Target::EventName,
        "instrumentation:name" => Target::ScopeName,
        "instrumentation:version" => Target::ScopeVersion,
        _ => return None,
    })
}

fn wanted_hashes(key: u64, value: &AttributeValue) -> Vec<u64> {
    let own = match value {
        AttributeValue::String(s) => bloom::text_hash(key, s),
        AttributeValue::Bool(b) => bloom::bool_hash(key, *b),
        AttributeValue::Int(i) => bloom::number_hash(key, *i as f64),
        AttributeValue::Double(d) => bloom::number_hash(key, *d),
        AttributeValue::Bytes(_) | AttributeValue::Array(_) | AttributeValue::Map(_) => return Vec::new(),
    };
    vec![own, bloom::opaque_hash(key)]
}

/// Whether a value may be in the relation to the wanted one. An array is when one of its items is.
fn matches(op: ConditionOp, value: &Value<'_>, wanted: &AttributeValue) -> bool {
    if op == ConditionOp::Exists {
        return true;
    }
    let order = match (value, wanted) {
        (Value::Other(AttributeValue::Array(items)), _) => {
            return op == ConditionOp::NotEqual
                || items.iter().any(|item| matches(op, &Value::from(item), wanted));
        }
        // Maps and bytes are compared in ways of the engine.
        (Value::Other(_), _)
        | (_, AttributeValue::Array(_) | AttributeValue::Map(_) | AttributeValue::Bytes(_)) => return true,
        (Value::Str(a), AttributeValue::String(b)) => Some((*a).cmp(b.as_str())),
        (Value::Bool(a), AttributeValue::Bool(b)) => Some(a.cmp(b)),
        (Value::Int(a), AttributeValue::Int(b)) => Some(a.cmp(b)),
        _ => match (number(value), wanted_number(wanted)) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => None,
        },
    };
    match op {
        ConditionOp::Equal => order == Some(Ordering::Equal),
        ConditionOp::NotEqual => order != Some(Ordering::Equal),
        ConditionOp::Less => order == Some(Ordering::Less),
        ConditionOp::LessOrEqual => order.is_some_and(Ordering::is_le),
        ConditionOp::Greater => order == Some(Ordering::Greater),
        ConditionOp::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        ConditionOp::Exists => true,
    }
}

fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(i) => Some(*i as f64),
        Value::Double(d) => Some(*d),
        _ => None,
    }
}

fn wanted_number(value: &AttributeValue) -> Option<f64> {
    number(&Value::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_number_and_whole_numbers_meet_others() {
        let one = AttributeValue::Int(1);
        assert!(!matches(ConditionOp::Equal, &Value::Str("1"), &one));
        assert!(matches(ConditionOp::Equal, &Value::Double(1.0), &one));
        assert!(matches(ConditionOp::NotEqual, &Value::Str("1"), &one));
        assert!(!matches(ConditionOp::NotEqual, &Value::Int(1), &one));
        let list =
            Value::Other(AttributeValue::Array(vec![AttributeValue::Int(3), AttributeValue::Double(1.0)]));
        assert!(matches(ConditionOp::Equal, &list, &one));
        assert!(!matches(ConditionOp::Less, &list, &one));
    }

    #[test]
    fn what_only_a_trace_can_answer_is_no_condition() {
        let of = |name: &str| SpanCondition {
            scope: Some(AttributeScope::Intrinsic),
            name: name.into(),
            op: ConditionOp::Equal,
            value: Some(AttributeValue::String("x".into())),
        };
        assert!(patterns(&[vec![of("rootName")], vec![of("traceDuration")]]).is_empty());
        assert_eq!(patterns(&[vec![of("name"), of("rootName")]])[0].len(), 1);
    }
}
