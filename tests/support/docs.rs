//! Files quoted in the documentation.

use crate::tools;

/// The content of the fenced block in `docs/DEPLOY.md` with this language and this comment as its first line.
pub fn deploy_block(language: &str, title: &str) -> String {
    let page = std::fs::read_to_string(tools::root().join("docs/DEPLOY.md")).expect("the page");
    let start = format!("```{language}\n# {title}\n");
    let (_, rest) = page.split_once(&start).expect("the page has this block");
    let (block, _) = rest.split_once("\n```").expect("the block is closed");
    format!("{block}\n")
}

/// Applies `(from, to)` replacements; each `from` must occur.
pub fn replace_all(text: &str, replace: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in replace {
        assert!(text.contains(from), "{from} is not in {text}");
        text = text.replace(from, to);
    }
    text
}
