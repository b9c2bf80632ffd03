//! Files that the documentation shows, taken out of its pages.

use crate::tools;

/// The fenced block of `docs/DEPLOY.md` in this language that begins with this comment; without its end.
pub fn deploy_block(language: &str, title: &str) -> String {
    let page = std::fs::read_to_string(tools::root().join("docs/DEPLOY.md")).expect("the page");
    let start = format!("```{language}\n# {title}\n");
    let (_, rest) = page.split_once(&start).expect("the page has such a file");
    let (block, _) = rest.split_once("\n```").expect("a block ends");
    format!("{block}\n")
}

/// The text with every `from` replaced by its `to`; each must occur.
pub fn replaced(text: &str, replace: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in replace {
        assert!(text.contains(from), "{from} is not in {text}");
        text = text.replace(from, to);
    }
    text
}
