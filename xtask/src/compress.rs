//! Compresses the dashboard's files at build time, so that serving never has to.
//!
//! Brotli at its highest level takes seconds, so results are cached by content in `target/`, and
//! unchanged files cost nothing.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::{paths, say, wasm};

/// The compressible kinds. Fonts are compressed already; the page is rewritten at start-up.
const KINDS: [&str; 6] = ["js", "wasm", "css", "svg", "json", "txt"];

/// The size budget of the dashboard's WebAssembly on the wire.
const WASM_BUDGET: usize = 350 * 1024;

/// Writes `name.br` and `name.gz` next to every compressible file.
pub(crate) fn folder(dist: &Path) -> Result<()> {
    let mut files = Vec::new();
    collect(dist, &mut files)?;
    let cache = paths::root().join("target/xtask/compressed");
    fs::create_dir_all(&cache).with_context(|| format!("create {}", cache.display()))?;

    let queue = Mutex::new(files);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    while let Some(file) = queue
                        .lock()
                        .map_err(|_| anyhow!("a compressor failed"))?
                        .pop()
                    {
                        compress(&file, &cache)?;
                    }
                    Ok(())
                })
            })
            .collect();
        handles.into_iter().try_for_each(|handle| {
            handle
                .join()
                .map_err(|_| anyhow!("a compressor panicked"))?
        })
    })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if extension(&path).is_some_and(|ext| KINDS.contains(&ext)) {
            files.push(path);
        }
    }
    Ok(())
}

fn extension(path: &Path) -> Option<&str> {
    path.extension().and_then(|ext| ext.to_str())
}

fn compress(file: &Path, cache: &Path) -> Result<()> {
    if extension(file) == Some("wasm") {
        wasm::strip(file)?;
    }
    let plain = fs::read(file).with_context(|| format!("read {}", file.display()))?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&plain);
    let key = format!("{:016x}-{}", hasher.finish(), plain.len());
    for (form, compress) in [("br", brotli as fn(&[u8]) -> Result<Vec<u8>>), ("gz", gzip)] {
        let kept = cache.join(format!("{key}.{form}"));
        let small = if let Ok(small) = fs::read(&kept) {
            small
        } else {
            let small = compress(&plain)?;
            fs::write(&kept, &small).with_context(|| format!("write {}", kept.display()))?;
            small
        };
        if small.len() < plain.len() {
            let mut name = file.as_os_str().to_owned();
            name.push(format!(".{form}"));
            fs::write(&name, &small)
                .with_context(|| format!("write {}", Path::new(&name).display()))?;
        }
        if form == "br" && extension(file) == Some("wasm") {
            report_size(plain.len(), small.len());
        }
    }
    Ok(())
}

fn report_size(plain: usize, small: usize) {
    let over = if small > WASM_BUDGET {
        ", over its budget of 350 KiB"
    } else {
        ""
    };
    say::line(format!(
        "Dashboard: {} KiB of WebAssembly, {} KiB after Brotli{over}",
        plain / 1024,
        small / 1024
    ));
}

fn brotli(plain: &[u8]) -> Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: plain.len(),
        ..Default::default()
    };
    let mut small = Vec::new();
    brotli::BrotliCompress(&mut &*plain, &mut small, &params).context("compress with Brotli")?;
    Ok(small)
}

fn gzip(plain: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain)?;
    encoder.finish().context("compress with gzip")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn both_formats_decompress_to_the_original() {
        let plain = b"lock lease watch ".repeat(500);
        let mut from_brotli = Vec::new();
        let small = brotli(&plain).expect("writing to memory succeeds");
        brotli::Decompressor::new(&small[..], 4096)
            .read_to_end(&mut from_brotli)
            .expect("our own output can be decompressed");
        assert_eq!(from_brotli, plain);
        assert!(small.len() < plain.len() / 10);

        let mut from_gzip = Vec::new();
        let small = gzip(&plain).expect("writing to memory succeeds");
        flate2::read::GzDecoder::new(&small[..])
            .read_to_end(&mut from_gzip)
            .expect("our own output can be decompressed");
        assert_eq!(from_gzip, plain);
    }
}
