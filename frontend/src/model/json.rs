//! JSON text laid out for reading. Only white space changes: members keep their order, numbers their
//! digits, strings their escapes.

use serde::de::IgnoredAny;

const INDENT: &str = "  ";

/// `text` over several lines, where it is JSON.
pub(crate) fn pretty(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '"' => {
                out.push_str(string(&text[at..]));
                let end = at + string(&text[at..]).len();
                while rest.next_if(|(next, _)| *next < end).is_some() {}
            }
            '{' | '[' => {
                out.push(c);
                while rest
                    .next_if(|(_, next)| next.is_ascii_whitespace())
                    .is_some()
                {}
                let close = if c == '{' { '}' } else { ']' };
                if rest.next_if(|(_, next)| *next == close).is_some() {
                    out.push(close);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    Some(out)
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str(INDENT);
    }
}

/// The string that `text` begins with, quotes and all.
fn string(text: &str) -> &str {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return &text[..=at],
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn only_white_space_changes() {
        for (text, laid_out) in [
            (
                r#"{"b":1,"a":[true,null]}"#,
                "{\n  \"b\": 1,\n  \"a\": [\n    true,\n    null\n  ]\n}",
            ),
            (
                r#"{"n":12345678901234567890.10}"#,
                "{\n  \"n\": 12345678901234567890.10\n}",
            ),
            (
                r#" { "a" : { } , "b" : [ ] } "#,
                "{\n  \"a\": {},\n  \"b\": []\n}",
            ),
            (
                r#"{"s":"a,{\"b\":\u00e9}\\"}"#,
                "{\n  \"s\": \"a,{\\\"b\\\":\\u00e9}\\\\\"\n}",
            ),
            (r#""占用""#, r#""占用""#),
            ("7", "7"),
        ] {
            assert_eq!(pretty(text).as_deref(), Some(laid_out), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_left_alone() {
        for text in ["", "{", "a: 1", "{'a':1}", "1 2", "job1,ado"] {
            assert_eq!(pretty(text), None, "{text}");
        }
    }
}
