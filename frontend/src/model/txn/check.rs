//! What can be wrong with a member of a transaction.

/// A fault, without its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A key is empty.
    KeyNeeded,
    /// A typed key has an invalid escape.
    BadEscape(String),
    /// `start` is not below `end`.
    EmptyRange,
    /// No range, or several.
    RangeForms,
    /// An op with no member, or with several.
    OpMembers,
    /// A number is required.
    NumberNeeded,
    /// Not a whole number of 64 bits.
    NotNumber,
    /// The number is negative.
    Negative,
    /// Not a lease id.
    BadLease,
    /// The operand of a comparison of values must be bytes.
    BytesNeeded,
    /// Invalid base64.
    NotBase64,
    /// Invalid hex.
    NotHex,
}

/// A fault and the path of the member in the body, such as `then[3].put.key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrongAt {
    pub(crate) place: String,
    pub(crate) wrong: Wrong,
}

/// Collects the faults of a body.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<WrongAt>);

impl Faults {
    pub(super) fn add(&mut self, place: impl Into<String>, wrong: Wrong) {
        self.0.push(WrongAt {
            place: place.into(),
            wrong,
        });
    }

    /// The value, or the fault recorded at `place`.
    pub(super) fn check<T>(
        &mut self,
        place: &str,
        member: &str,
        value: Result<T, Wrong>,
    ) -> Option<T> {
        value
            .map_err(|wrong| self.add(format!("{place}.{member}"), wrong))
            .ok()
    }

    pub(super) fn into_result<T>(self, value: Option<T>) -> Result<T, Vec<WrongAt>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }
}

/// A whole number as typed: grouped digits are accepted.
pub(super) fn number(text: &str) -> Result<i64, Wrong> {
    let digits = text.trim().replace([',', ' '], "");
    if digits.is_empty() {
        return Err(Wrong::NumberNeeded);
    }
    digits.parse().map_err(|_| Wrong::NotNumber)
}

/// A number that may be left out and is not negative.
pub(super) fn optional_number(text: &str) -> Result<i64, Wrong> {
    match number(text) {
        Err(Wrong::NumberNeeded) => Ok(0),
        Ok(number) if number < 0 => Err(Wrong::Negative),
        other => other,
    }
}
