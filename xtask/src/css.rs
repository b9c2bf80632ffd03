//! `cargo xtask css`: joins the dashboard's style sheets into one file, in cascade layers.
//!
//! A component keeps its `.css` next to its `.rs`; imports are refused. Layers decide precedence, so
//! that a page can restyle a primitive regardless of specificity. Font names contain the hash of their
//! content, like everything else that Trunk writes, so that they can be cached forever.
//! Must not minify or rewrite rules: the browser shows what was written.

use std::collections::{BTreeMap, hash_map::DefaultHasher};
use std::fmt::Write as _;
use std::fs;
use std::hash::Hasher as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::paths;

/// The layers, weakest first.
const LAYERS: [&str; 4] = ["tokens", "base", "ui", "pages"];

/// Writes `frontend/.generated/app.css` and `frontend/.generated/fonts/`.
pub(crate) fn run() -> Result<()> {
    let frontend = paths::root().join("frontend");
    let out = paths::generated();
    let fonts_out = out.join("fonts");
    fs::create_dir_all(&fonts_out).with_context(|| format!("create {}", fonts_out.display()))?;

    let sheets = collect(&frontend)?;
    let mut fonts = BTreeMap::new();
    let css = join(&frontend, &sheets, &mut fonts)?;

    keep_licences(&frontend.join("fonts"), &mut fonts)?;
    for (name, bytes) in &fonts {
        write_if_changed(&fonts_out.join(name), bytes)?;
    }
    remove_others(&fonts_out, &fonts)?;
    write_if_changed(&out.join("app.css"), css.as_bytes())
}

/// Keeps the fonts' licences with the fonts.
fn keep_licences(folder: &Path, fonts: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "txt") {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            fonts.insert(
                name,
                fs::read(&path).with_context(|| format!("read {}", path.display()))?,
            );
        }
    }
    Ok(())
}

/// Every sheet with its layer's index, in the order of joining.
fn collect(frontend: &Path) -> Result<Vec<(usize, PathBuf)>> {
    let mut found = Vec::new();
    for folder in ["styles", "src"] {
        walk(&frontend.join(folder), &mut found)?;
    }
    let mut sheets: Vec<_> = found
        .into_iter()
        .map(|path| (layer_of(path.strip_prefix(frontend).unwrap_or(&path)), path))
        .collect();
    sheets.sort();
    Ok(sheets)
}

/// The layer of a sheet, by its path under `frontend/`.
fn layer_of(path: &Path) -> usize {
    if path == Path::new("styles/tokens.css") {
        0
    } else if path.starts_with("styles") {
        1
    } else if path.starts_with("src/ui") {
        2
    } else {
        3
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, found)?;
        } else if path.extension().is_some_and(|ext| ext == "css") {
            found.push(path);
        }
    }
    Ok(())
}

/// Joins all sheets into one text; adds the files named by `url(fonts/…)` to `fonts`.
fn join(
    frontend: &Path,
    sheets: &[(usize, PathBuf)],
    fonts: &mut BTreeMap<String, Vec<u8>>,
) -> Result<String> {
    let mut css = format!("@layer {};\n", LAYERS.join(", "));
    for (layer, path) in sheets {
        let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        let shown = path
            .strip_prefix(frontend)
            .unwrap_or(path)
            .display()
            .to_string();
        if text.contains("@import") {
            bail!("{shown}: @import is not resolved; put the rules into the file that needs them");
        }
        let text = hash_fonts(&text, frontend, fonts).with_context(|| shown.clone())?;
        write!(
            css,
            "\n/* {shown} */\n@layer {} {{\n{}\n}}\n",
            LAYERS[*layer],
            text.trim()
        )?;
    }
    Ok(css)
}

/// Replaces `url(…fonts/name.ext)` by the name with the content's hash in it.
fn hash_fonts(css: &str, frontend: &Path, fonts: &mut BTreeMap<String, Vec<u8>>) -> Result<String> {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some(start) = rest.find("url(") {
        let (before, after) = rest.split_at(start + "url(".len());
        out.push_str(before);
        let end = after
            .find(')')
            .context("a url( without a closing parenthesis")?;
        let target = after[..end].trim().trim_matches(['"', '\'']);
        match target.rsplit_once("fonts/") {
            Some((_, name)) => {
                let file = frontend.join("fonts").join(name);
                let bytes = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
                let hashed = hashed_name(name, &bytes);
                write!(out, "fonts/{hashed}")?;
                fonts.insert(hashed, bytes);
            }
            None => out.push_str(&after[..end]),
        }
        rest = &after[end..];
    }
    out.push_str(rest);
    Ok(out)
}

/// `inter.woff2` → `inter-0123456789abcdef.woff2`.
fn hashed_name(name: &str, bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    let hash = hasher.finish();
    match name.rsplit_once('.') {
        Some((stem, ext)) => format!("{stem}-{hash:016x}.{ext}"),
        None => format!("{name}-{hash:016x}"),
    }
}

/// Writes only changed files, so that a watcher of the folder is not triggered needlessly.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| format!("write {}", path.display()))
}

fn remove_others(folder: &Path, keep: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !keep.contains_key(&*entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_follow_the_folders() {
        for (path, layer) in [
            ("styles/tokens.css", 0),
            ("styles/base.css", 1),
            ("src/ui/button.css", 2),
            ("src/pages/locks/queue.css", 3),
            ("src/app.css", 3),
        ] {
            assert_eq!(layer_of(Path::new(path)), layer, "{path}");
        }
    }

    #[test]
    fn only_font_urls_get_a_hash() {
        let folder = std::env::temp_dir().join(format!("watchgate-css-{}", std::process::id()));
        fs::create_dir_all(folder.join("fonts")).expect("the temporary folder can be written");
        fs::write(folder.join("fonts/a.woff2"), b"font")
            .expect("the temporary folder can be written");
        let mut fonts = BTreeMap::new();
        let css = "@font-face { src: url(\"fonts/a.woff2\") format(\"woff2\") } i { background: url(data:x) }";
        let out = hash_fonts(css, &folder, &mut fonts).expect("the font exists");
        fs::remove_dir_all(&folder).expect("the temporary folder can be removed");
        let name = fonts.keys().next().expect("one font was found");
        assert!(out.contains(&format!("url(fonts/{name}) format")), "{out}");
        assert!(out.ends_with("url(data:x) }"), "{out}");
    }
}
