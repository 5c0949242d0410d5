//! Which paths of a frame may become paths of a file system.

use std::collections::HashSet;

use dsp_protocol::limits::{PATH_BYTES, PATH_SEGMENT_BYTES};

/// Names that are devices on Windows, with any extension.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Checks that a path stays inside and can be held by the systems in use.
///
/// # Errors
/// Says why it is not written.
pub(crate) fn check(path: &str) -> Result<(), String> {
    if path.len() > PATH_BYTES {
        return Err(format!("{} bytes are longer than {PATH_BYTES}", path.len()));
    }
    if path.starts_with('/') {
        return Err("it is absolute".to_owned());
    }
    if let Some(c) = path.chars().find(|c| *c == '\\' || hidden(*c)) {
        return Err(format!("it holds {}", c.escape_unicode()));
    }
    let bytes = path.as_bytes();
    if bytes.len() > 1 && bytes[1] == b':' && bytes[0].is_ascii_alphabetic() {
        return Err("it begins with a drive".to_owned());
    }
    path.split('/').try_for_each(check_segment)
}

fn check_segment(segment: &str) -> Result<(), String> {
    if segment.is_empty() {
        return Err("a name in it is empty".to_owned());
    }
    if segment.len() > PATH_SEGMENT_BYTES {
        return Err(format!("a name in it is longer than {PATH_SEGMENT_BYTES} bytes"));
    }
    if segment == "." || segment == ".." {
        return Err(format!("it holds `{segment}`"));
    }
    if segment.ends_with(['.', ' ']) {
        return Err(format!("`{segment}` ends in a dot or a space"));
    }
    let stem = segment.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let port = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
    // The superscript digits count too; `COM0` is taken by some versions only.
    let mut digits = port.unwrap_or_default().chars();
    let port = matches!(digits.next(), Some('0'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}'))
        && digits.next().is_none();
    if port || DEVICES.contains(&stem.as_str()) {
        return Err(format!("`{segment}` is a device on Windows"));
    }
    match segment.chars().find(|c| cfg!(windows) && "<>:\"|?*".contains(*c)) {
        Some(c) => Err(format!("Windows allows no `{c}` in names")),
        None => Ok(()),
    }
}

/// Tells whether a character does not show, or turns the direction of text.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Checks that paths do not stand in each other's way.
///
/// # Errors
/// Names the path that is twice, or a file and a folder at once.
pub(crate) fn check_together<'a>(paths: impl Iterator<Item = &'a str>) -> Result<(), String> {
    // Where names differ by more than case, case is kept apart or not by the system.
    let fold = |path: &str| match cfg!(any(windows, target_os = "macos")) {
        true => path.to_lowercase(),
        false => path.to_owned(),
    };
    let mut files = HashSet::new();
    let mut folders = HashSet::new();
    for path in paths {
        let path = fold(path);
        for (at, _) in path.match_indices('/') {
            folders.insert(path[..at].to_owned());
        }
        if let Some(twice) = files.replace(path) {
            return Err(format!("`{twice}` is there twice"));
        }
    }
    match files.intersection(&folders).next() {
        Some(both) => Err(format!("`{both}` is a file and a folder at once")),
        None => Ok(()),
    }
}
