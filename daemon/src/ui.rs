//! The files of the web UI, built into the program.

use std::borrow::Cow;

use brotli_decompressor::BrotliDecompress;

include!(concat!(env!("OUT_DIR"), "/ui.rs"));

/// The folder whose files are shown instead of those built in, in a build for development.
#[cfg(debug_assertions)]
const FOLDER: &str = "DSP_WEB_FOLDER";

/// Tells what the web UI that is built in was made of; `none` where there is none.
pub(crate) fn built_in() -> &'static str {
    STAMP.unwrap_or("none")
}

/// A file of the web UI.
pub(crate) struct File {
    /// Its bytes, compressed with brotli.
    pub(crate) compressed: Cow<'static, [u8]>,
}

impl File {
    /// Finds a file by its path: `assets/index-B9HCueTq.js`.
    pub(crate) fn find(path: &str) -> Option<File> {
        #[cfg(debug_assertions)]
        if let Some(folder) = std::env::var_os(FOLDER) {
            return File::read(folder.as_ref(), path);
        }
        let at = FILES.binary_search_by_key(&path, |(known, _)| known).ok()?;
        Some(File { compressed: Cow::Borrowed(FILES[at].1) })
    }

    /// Reads a file of a folder, for who works on the web UI and builds only that anew.
    #[cfg(debug_assertions)]
    fn read(folder: &std::path::Path, path: &str) -> Option<File> {
        let inside = path.split('/').all(|part| !part.is_empty() && part != "..");
        let read = || std::fs::read(folder.join(format!("{path}.br"))).ok();
        Some(File { compressed: Cow::Owned(inside.then(read)??) })
    }

    /// Returns the bytes as they are, for the few who read no brotli.
    pub(crate) fn plain(&self) -> std::io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        BrotliDecompress(&mut &self.compressed[..], &mut plain)?;
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

    #[cfg(debug_assertions)]
    #[test]
    fn a_folder_shows_what_is_in_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let ui = folder.path().join("ui");
        std::fs::create_dir(&ui).unwrap();
        std::fs::write(ui.join("index.html.br"), b"x").unwrap();
        std::fs::write(folder.path().join("secret.br"), b"y").unwrap();
        assert_eq!(*File::read(&ui, "index.html").unwrap().compressed, *b"x");
        for path in ["../secret", "a/../../secret", "/etc/passwd", "", "missing"] {
            assert!(File::read(&ui, path).is_none(), "{path}");
        }
    }
}
