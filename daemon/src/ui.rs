//! The files of the web UI, built into the program.

use brotli_decompressor::BrotliDecompress;

include!(concat!(env!("OUT_DIR"), "/ui.rs"));

/// Tells what the web UI that is built in was made of; `none` where there is none.
pub(crate) fn built_in() -> &'static str {
    STAMP.unwrap_or("none")
}

/// A file of the web UI.
pub(crate) struct File {
    /// Its path: `assets/index-B9HCueTq.js`.
    pub(crate) path: &'static str,
    /// Its bytes, compressed with brotli.
    pub(crate) compressed: &'static [u8],
}

impl File {
    /// Finds a file.
    pub(crate) fn find(path: &str) -> Option<File> {
        let at = FILES.binary_search_by_key(&path, |(known, _)| known).ok()?;
        let (path, compressed) = FILES[at];
        Some(File { path, compressed })
    }

    /// Returns the bytes as they are, for the few who read no brotli.
    pub(crate) fn plain(&self) -> std::io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        BrotliDecompress(&mut &*self.compressed, &mut plain)?;
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_found_and_can_be_read() {
        for (path, _) in FILES {
            let file = File::find(path).expect("its own path finds it");
            assert!(!file.plain().unwrap().is_empty(), "{path}");
        }
        assert!(File::find("../secrets").is_none());
    }
}
