//! Identifiers. All are ULIDs behind a prefix, so that their text sorts by time of creation.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt, str::FromStr};
use ulid::Ulid;
use uuid::Uuid;

/// The text is not an identifier of this kind.
#[derive(Debug, thiserror::Error)]
#[error("not an identifier that starts with {0}")]
pub struct NotAnId(&'static str);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Ulid);

        impl $name {
            /// An identifier for this moment, given in milliseconds since 1970, and 80 random bits.
            pub fn new(milliseconds: u64, random: u128) -> Self {
                Self(Ulid::from_parts(milliseconds, random))
            }

            /// The identifier just before this one, in the order of their texts.
            pub fn previous(self) -> Option<Self> {
                u128::from(self.0).checked_sub(1).map(|bits| Self(Ulid::from(bits)))
            }

            /// The moment that it was made for, in milliseconds since 1970.
            pub fn milliseconds(self) -> u64 {
                self.0.timestamp_ms()
            }

            /// The same 128 bits as a UUID, for AWS tokens that must be one.
            pub fn uuid(self) -> Uuid {
                Uuid::from_u128(u128::from(self.0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.to_string().to_ascii_lowercase())
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            /// Takes only the text that `Display` writes: keys in the table are compared as text.
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let ulid = text.strip_prefix($prefix).ok_or(NotAnId($prefix))?;
                let id = Self(Ulid::from_string(ulid).map_err(|_| NotAnId($prefix))?);
                if id.to_string() == text { Ok(id) } else { Err(NotAnId($prefix)) }
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "description": concat!($prefix, " and a ULID in small letters."),
                    "pattern": concat!("^", $prefix, "[0-7][0-9a-hjkmnp-tv-z]{25}$"),
                    "examples": [concat!($prefix, "01m84mgv4d43tch440e50s91ry")],
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

id!(
    /// Names one environment for ever: it is never used again, unlike the environment's name.
    EnvironmentId,
    "env-"
);
id!(
    /// Names one operation. It is the execution's name in Step Functions, too.
    OperationId,
    "op-"
);
id!(
    /// Names one event. Who hears it twice knows it by that.
    EventId,
    "evt-"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_wrote_and_nothing_else() {
        let id = EnvironmentId::new(1_795_000_000_000, 42);
        assert_eq!(id.to_string().parse::<EnvironmentId>().ok(), Some(id));
        assert_eq!(id.to_string().len(), 30);
        for other in ["", "env-", "op-01kaz0000000000000000000", &id.to_string().to_uppercase(), "env-/../x"] {
            assert!(other.parse::<EnvironmentId>().is_err(), "{other} must not be an environment id");
        }
    }

    #[test]
    fn ids_sort_by_time() {
        let (earlier, later) = (OperationId::new(1, u128::MAX), OperationId::new(2, 0));
        assert!(earlier.to_string() < later.to_string());
    }
}
