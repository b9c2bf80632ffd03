//! Removes the function names from the WebAssembly file, which a browser does not need.
//!
//! They are half of the file. wasm-bindgen needs the sections that a stripped profile would lose
//! (`target_features`), so this comes after it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// The eight bytes of every module: `\0asm` and version 1.
const HEADER: &[u8] = b"\0asm\x01\0\0\0";

/// Rewrites the file without its custom sections.
pub(crate) fn strip(file: &Path) -> Result<()> {
    let module = fs::read(file).with_context(|| format!("read {}", file.display()))?;
    let stripped = without_custom_sections(&module)
        .with_context(|| format!("read {} as WebAssembly", file.display()))?;
    fs::write(file, stripped).with_context(|| format!("write {}", file.display()))
}

/// A section is its id, its length and its content; the engine ignores id 0.
fn without_custom_sections(module: &[u8]) -> Result<Vec<u8>> {
    let Some(mut rest) = module.strip_prefix(HEADER) else {
        bail!("not a WebAssembly module");
    };
    let mut kept = HEADER.to_vec();
    while let Some((&kind, after)) = rest.split_first() {
        let (length, digits) = leb128(after)?;
        let end = 1 + digits + length;
        let Some(section) = rest.get(..end) else {
            bail!("a section is longer than the file");
        };
        if kind != 0 {
            kept.extend_from_slice(section);
        }
        rest = &rest[end..];
    }
    Ok(kept)
}

/// An unsigned LEB128 number, and its length in bytes.
fn leb128(bytes: &[u8]) -> Result<(usize, usize)> {
    let mut value = 0_usize;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((value, index + 1));
        }
    }
    bail!("unterminated length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_custom_sections_are_removed() {
        let mut module = HEADER.to_vec();
        module.extend([1, 2, 7, 8]); // types
        module.extend([0, 0x85, 0, 4, b'n', b'a', b'm', b'e']); // custom, its length in two groups
        module.extend([10, 1, 9]); // code
        let stripped = without_custom_sections(&module).expect("a valid module");
        assert_eq!(stripped[HEADER.len()..], [1, 2, 7, 8, 10, 1, 9]);
    }

    #[test]
    fn invalid_and_truncated_modules_are_refused() {
        for broken in [
            &b"text"[..],
            b"\0asm\x01\0\0\0\x01\x05\x00",
            b"\0asm\x01\0\0\0\x01\x80",
        ] {
            assert!(without_custom_sections(broken).is_err(), "{broken:?}");
        }
    }
}
