//! Lists the files of the web UI for `src/ui.rs`.
//!
//! `web/embed/ui` is made by `npm --prefix web run build`. Where it is missing the daemon shows a
//! page that says how to build it, so that Rust alone suffices for everything else; with
//! `DSP_WEB=require` it has to be there, and with `DSP_WEB=skip` it is left out.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// What the build of the web UI writes last.
const STAMP: &str = "stamp.txt";

fn main() -> Result<(), Box<dyn Error>> {
    let embed = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../web/embed");
    // The folder, as a file that is missing would be news each time.
    println!("cargo:rerun-if-changed={}", embed.display());
    println!("cargo:rerun-if-env-changed=DSP_WEB");
    let wanted = env::var("DSP_WEB").unwrap_or_default();
    let ui = embed.join("ui");
    let stamp = match wanted.as_str() {
        "skip" => None,
        _ => fs::read_to_string(ui.join(STAMP)).ok(),
    };
    if stamp.is_none() && wanted == "require" {
        return Err(
            "the web UI is not built: npm --prefix web ci && npm --prefix web run build".into()
        );
    }
    let mut files = Vec::new();
    if stamp.is_some() {
        list(&ui, "", &mut files)?;
    }
    files.sort();
    let mut code = String::new();
    writeln!(code, "/// What the web UI was built from; none where it is not built in.")?;
    writeln!(code, "const STAMP: Option<&str> = {:?};", stamp.as_deref().map(str::trim))?;
    writeln!(code, "/// Its files by path, each compressed with brotli.")?;
    writeln!(code, "static FILES: &[(&str, &[u8])] = &[")?;
    for path in files {
        let file = ui.join(format!("{path}.br")).canonicalize()?;
        writeln!(code, "    ({path:?}, include_bytes!({file:?})),")?;
    }
    writeln!(code, "];")?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("ui.rs"), code)?;
    Ok(())
}

/// Finds the compressed files of a folder.
fn list(folder: &Path, under: &str, files: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| format!("{name:?}"))?;
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{under}{name}/"), files)?;
        } else if let Some(plain) = name.strip_suffix(".br") {
            files.push(format!("{under}{plain}"));
        }
    }
    Ok(())
}
