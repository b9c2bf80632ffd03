//! How the owner of a claim is shown.

use shared::Claim;

use crate::model::key_text::changes_direction;
use crate::model::stream::one_line;

/// The number of colours for owners; the style sheet defines as many.
const HUES: u32 = 6;

/// Limit of characters of a value that is used as a name.
const NAME_CHARS: usize = 40;

/// A short label of a holder or waiter: its name, else its value, else its lease. The flag is set if it is
/// only a lease.
pub(crate) fn label(claim: &Claim) -> (String, bool) {
    let value = claim
        .value
        .as_ref()
        .map(|value| one_line(&value.0, NAME_CHARS));
    // A name is arbitrary text and must not reorder the line that shows it.
    let name = claim.name.as_ref().map(|name| {
        name.chars()
            .map(|c| {
                if c.is_control() || changes_direction(c) {
                    '\u{fffd}'
                } else {
                    c
                }
            })
            .collect::<String>()
    });
    let label = name.or(value).filter(|name| !name.trim().is_empty());
    match label {
        Some(name) => (name, false),
        None => (claim.lease.to_string(), true),
    }
}

/// Two characters for an owner: the first letter, and the last digit or the next word's first letter.
/// `api-7` → `A7`, `node-3` → `N3`, `build worker` → `BW`, `e` → `E`.
pub(crate) fn initials(name: &str) -> String {
    let mut words = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let Some(first) = words.next() else {
        return "?".to_owned();
    };
    let digits = |word: &str| word.chars().next_back().filter(char::is_ascii_digit);
    let letter = |word: &str| word.chars().next();
    let last = words.next_back();
    let second = last
        .and_then(|word| digits(word).or_else(|| letter(word)))
        .or_else(|| {
            // A single word: its last digit, unless that is its only character.
            digits(first).filter(|_| first.chars().nth(1).is_some())
        });
    letter(first)
        .into_iter()
        .chain(second)
        .flat_map(char::to_uppercase)
        .collect()
}

/// The index of an owner's colour; the same for the same name.
pub(crate) fn hue(name: &str) -> u32 {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    // The low bits of this hash differ little between names that differ in their last digit.
    (hash ^ (hash >> 15)) % HUES
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_have_at_most_two_characters() {
        for (name, two) in [
            ("api-7", "A7"),
            ("node-3", "N3"),
            ("node12", "N2"),
            ("s1", "S1"),
            ("e", "E"),
            ("7", "7"),
            ("build worker", "BW"),
            ("duzhenxun", "D"),
            ("duzhenxun-b", "DB"),
            ("10.0.4.18:8080", "10"),
            ("占用", "占"),
            ("--", "?"),
        ] {
            assert_eq!(initials(name), two, "{name}");
        }
    }
}
