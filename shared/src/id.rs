//! 64-bit ids as hexadecimal strings: a JSON number would lose digits in a browser.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A lease id. In JSON and in lock keys lower-case hex without padding, as Go's `%x` prints it: a
/// negative id is `-9`. On input upper case, leading zeros and `dec:<decimal>` are accepted too.
/// Zero means no lease and is never serialised: use `Option<LeaseId>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub i64);

/// A cluster or member id: 64 bits, unsigned, in JSON lower-case hex without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u64);

/// The error of an invalid id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseIdError(String);

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invalid id `{}`; hexadecimal, or `dec:` and decimal",
            self.0
        )
    }
}

impl std::error::Error for ParseIdError {}

impl LeaseId {
    /// The lease of an entry: `None` for etcd's 0, which means no lease.
    pub fn from_raw(id: i64) -> Option<Self> {
        (id != 0).then_some(Self(id))
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{:x}", self.0.unsigned_abs())
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// Digits only: Rust's own parsers also accept a leading `+`, which no id has.
fn digits(text: &str, radix: u32) -> Option<u64> {
    let plain = !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
    plain
        .then(|| u64::from_str_radix(text, radix).ok())
        .flatten()
}

impl FromStr for LeaseId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (body, radix) = text
            .strip_prefix("dec:")
            .map_or((text, 16), |rest| (rest, 10));
        let (negative, magnitude) = body
            .strip_prefix('-')
            .map_or((false, body), |rest| (true, rest));
        digits(magnitude, radix)
            .and_then(|n| {
                if negative {
                    0_i64.checked_sub_unsigned(n)
                } else {
                    i64::try_from(n).ok()
                }
            })
            .map(Self)
            .ok_or_else(|| ParseIdError(text.to_owned()))
    }
}

impl FromStr for MemberId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (body, radix) = text
            .strip_prefix("dec:")
            .map_or((text, 16), |rest| (rest, 10));
        digits(body, radix)
            .map(Self)
            .ok_or_else(|| ParseIdError(text.to_owned()))
    }
}

macro_rules! as_string {
    ($id:ident, $description:literal, $example:literal) => {
        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        #[cfg(feature = "schema")]
        impl utoipa::PartialSchema for $id {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some($description))
                    .examples([$example])
                    .build()
                    .into()
            }
        }

        #[cfg(feature = "schema")]
        impl utoipa::ToSchema for $id {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($id).into()
            }
        }
    };
}

as_string!(
    LeaseId,
    "A lease id in hexadecimal without padding.",
    "694d604f1cc13e0f"
);
as_string!(
    MemberId,
    "A cluster or member id in hexadecimal without padding.",
    "8e9e05c52164694d"
);

#[cfg(test)]
mod tests {
    use super::{LeaseId, MemberId};

    fn check(text: &str, id: i64) {
        assert_eq!(text.parse::<LeaseId>(), Ok(LeaseId(id)), "{text}");
    }

    #[test]
    fn lease_ids_are_parsed_in_every_common_form() {
        check("694d604f1cc13e0f", 0x694d_604f_1cc1_3e0f);
        check("694D604F1CC13E0F", 0x694d_604f_1cc1_3e0f);
        check("000000000000000a", 10);
        check("dec:7587844626267763152", 7_587_844_626_267_763_152);
        check("-9", -9);
        check("-8000000000000000", i64::MIN);
        check("dec:-9", -9);
        check("7fffffffffffffff", i64::MAX);
    }

    #[test]
    fn invalid_ids_are_refused() {
        for text in [
            "",
            "-",
            "dec:",
            "dec:a",
            "0x1",
            "+1",
            "8000000000000000",
            "g",
            " 1",
        ] {
            assert!(text.parse::<LeaseId>().is_err(), "{text}");
        }
        assert!("-1".parse::<MemberId>().is_err());
    }

    #[test]
    fn ids_print_as_go_does() {
        assert_eq!(LeaseId(-9).to_string(), "-9");
        assert_eq!(LeaseId(i64::MIN).to_string(), "-8000000000000000");
        assert_eq!(MemberId(u64::MAX).to_string(), "ffffffffffffffff");
        assert_eq!(LeaseId::from_raw(0), None);
    }
}
