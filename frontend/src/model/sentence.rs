//! Joins texts from several sources into sentences.

/// Joins texts as sentences. Each gets a capital letter at its start, and a full stop unless it already ends
/// with a mark; empty and repeated texts are omitted.
pub(crate) fn sentences(texts: &[&str]) -> String {
    let mut out = String::new();
    let mut last = "";
    for text in texts.iter().map(|text| text.trim()) {
        if text.is_empty() || text == last {
            continue;
        }
        last = text;
        if !out.is_empty() && !out.ends_with(is_wide) {
            out.push(' ');
        }
        out.push_str(&capitalised(text));
        if !is_ended(text) {
            out.push(if text.ends_with(is_wide) { '。' } else { '.' });
        }
    }
    out
}

/// A text as a sentence in front of others, with the space that belongs between them.
pub(crate) fn leading(text: &str) -> String {
    let mut out = sentences(&[text]);
    if !out.ends_with(is_wide) {
        out.push(' ');
    }
    out
}

/// Chinese characters and full-width marks: no space follows them.
fn is_wide(c: char) -> bool {
    c >= '\u{2e80}'
}

fn is_ended(text: &str) -> bool {
    text.trim_end_matches([')', ']', '"', '\'', '”', '’', '）'])
        .ends_with(['.', '!', '?', '…', ':', '。', '！', '？', '：'])
}

/// Capitalises the first letter, unless the first word is a name: `etcd`, `etcdserver:`, `a_flag`.
fn capitalised(text: &str) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    let plain = word.chars().all(|c| c.is_ascii_lowercase() || c == ',');
    match text.chars().next() {
        Some(first) if plain && !word.starts_with("etcd") => {
            let mut out = first.to_ascii_uppercase().to_string();
            out.push_str(&text[first.len_utf8()..]);
            out
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{leading, sentences};

    #[test]
    fn texts_are_joined_as_sentences() {
        for (texts, joined) in [
            (
                &[
                    "Another client was faster",
                    "the key changed",
                    "read it again",
                ][..],
                "Another client was faster. The key changed. Read it again.",
            ),
            (&["It ended.", "Why? ", ""], "It ended. Why?"),
            (&["the same", "the same"], "The same."),
            (
                &["etcdserver: no leader", "`sort=x` is unknown"],
                "etcdserver: no leader. `sort=x` is unknown.",
            ),
            (
                &["无法连接 etcd", "etcd did not respond"],
                "无法连接 etcd. etcd did not respond.",
            ),
            (
                &["键不存在", "请重试。", "lease_id is 0"],
                "键不存在。请重试。lease_id is 0.",
            ),
            (
                &["see the manual (chapter 2.)"],
                "See the manual (chapter 2.)",
            ),
            (&[], ""),
        ] {
            assert_eq!(sentences(texts), joined);
        }
    }

    #[test]
    fn a_leading_sentence_ends_with_its_space() {
        assert_eq!(leading("Not saved"), "Not saved. ");
        assert_eq!(leading("未保存"), "未保存。");
    }
}
