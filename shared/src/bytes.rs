//! Keys and values: bytes that are a plain string in JSON if they are valid UTF-8, and are never lossy.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of a key or a value. In JSON a string if they are valid UTF-8, else `{"base64": "…"}`
/// (standard alphabet, padded); both forms are accepted on input.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    /// The bytes as text, if they are valid UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The bytes as text for display: invalid sequences become U+FFFD. Never send the result back.
    pub fn to_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the bytes are empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(text) = self.as_str() {
            return serializer.serialize_str(text);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("base64", &STANDARD.encode(&self.0))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BytesVisitor;

        impl<'de> Visitor<'de> for BytesVisitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#"a string or {"base64": "…"}"#)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
                Ok(Bytes::from(text))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Bytes, E> {
                Ok(Bytes::from(text))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Bytes, A::Error> {
                let Some((member, encoded)) = map.next_entry::<String, String>()? else {
                    return Err(de::Error::missing_field("base64"));
                };
                if member != "base64" {
                    return Err(de::Error::unknown_field(&member, &["base64"]));
                }
                if map.next_key::<String>()?.is_some() {
                    return Err(de::Error::custom(
                        "`base64` must be the only member of its object",
                    ));
                }
                STANDARD
                    .decode(&encoded)
                    .map(Bytes)
                    .map_err(|error| de::Error::custom(format_args!("invalid `base64`: {error}")))
            }
        }

        deserializer.deserialize_any(BytesVisitor)
    }
}

#[cfg(feature = "schema")]
mod schema {
    use std::borrow::Cow;

    use utoipa::openapi::schema::{OneOfBuilder, Schema, Type};
    use utoipa::openapi::{ObjectBuilder, RefOr};
    use utoipa::{PartialSchema, ToSchema};

    use super::Bytes;

    impl PartialSchema for Bytes {
        fn schema() -> RefOr<Schema> {
            let encoded = ObjectBuilder::new()
                .property("base64", ObjectBuilder::new().schema_type(Type::String))
                .required("base64")
                .build();
            RefOr::T(Schema::OneOf(
                OneOfBuilder::new()
                    .item(ObjectBuilder::new().schema_type(Type::String))
                    .item(encoded)
                    .description(Some(
                        "Bytes: a string if valid UTF-8, else {\"base64\": …}.",
                    ))
                    .build(),
            ))
        }
    }

    impl ToSchema for Bytes {
        fn name() -> Cow<'static, str> {
            "Bytes".into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    fn check(bytes: &[u8], json: &str) {
        let bytes = Bytes::from(bytes);
        assert_eq!(serde_json::to_string(&bytes).expect("serialises"), json);
        assert_eq!(
            serde_json::from_str::<Bytes>(json).expect("deserialises"),
            bytes
        );
    }

    #[test]
    fn text_is_a_string_and_other_bytes_are_base64() {
        check(b"", r#""""#);
        check("占用".as_bytes(), r#""占用""#);
        check(b"a\n\0", r#""a\n\u0000""#);
        check(&[0xff, 0xfe, 0], r#"{"base64":"//4A"}"#);
    }

    #[test]
    fn text_is_accepted_as_base64_too() {
        let bytes: Bytes = serde_json::from_str(r#"{"base64":"YQ=="}"#).expect("deserialises");
        assert_eq!(bytes, Bytes::from("a"));
    }

    #[test]
    fn invalid_objects_are_refused() {
        for json in [
            r#"{"base64":"!"}"#,
            r#"{"b64":"YQ=="}"#,
            r#"{"base64":"YQ==","x":"y"}"#,
            "{}",
            "7",
        ] {
            assert!(serde_json::from_str::<Bytes>(json).is_err(), "{json}");
        }
    }
}
