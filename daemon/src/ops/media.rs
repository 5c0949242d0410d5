//! Media types by the names of files.

use dsp_protocol::name::AttachmentPath;

/// What a file is whose name tells nothing.
pub(crate) const UNKNOWN: &str = "application/octet-stream";

/// Names of data science that the common list does not have, or has another idea of.
const OURS: &[(&str, &str)] = &[
    ("arrow", "application/vnd.apache.arrow.file"),
    ("arrows", "application/vnd.apache.arrow.stream"),
    ("avro", "application/vnd.apache.avro"),
    ("duckdb", "application/vnd.duckdb"),
    ("feather", "application/vnd.apache.arrow.file"),
    ("geojson", "application/geo+json"),
    ("gguf", "application/vnd.gguf"),
    ("h5", "application/x-hdf5"),
    ("hdf5", "application/x-hdf5"),
    ("ipynb", "application/x-ipynb+json"),
    ("jl", "text/x-julia"),
    ("jsonl", "application/x-ndjson"),
    ("nc", "application/x-netcdf"),
    ("ndjson", "application/x-ndjson"),
    ("npy", "application/x-npy"),
    ("npz", "application/x-npz"),
    ("onnx", "application/vnd.onnx"),
    ("orc", "application/vnd.apache.orc"),
    ("parquet", "application/vnd.apache.parquet"),
    ("pickle", "application/x-python-pickle"),
    ("pkl", "application/x-python-pickle"),
    ("py", "text/x-python"),
    ("qmd", "text/markdown"),
    ("r", "text/x-r"),
    ("rda", "application/x-r-data"),
    ("rdata", "application/x-r-data"),
    ("rds", "application/x-rds"),
    ("rmd", "text/markdown"),
    ("safetensors", "application/vnd.safetensors"),
    ("sql", "application/sql"),
    ("sqlite", "application/vnd.sqlite3"),
    ("toml", "application/toml"),
    ("ts", "text/x-typescript"),
    ("tsv", "text/tab-separated-values"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zarr", "application/x-zarr"),
];

/// Returns the media type that the name of a file suggests.
pub(crate) fn guess(path: &AttachmentPath) -> &'static str {
    let name = path.file_name();
    let Some((_, extension)) = name.rsplit_once('.') else { return UNKNOWN };
    let extension = extension.to_ascii_lowercase();
    match OURS.binary_search_by_key(&extension.as_str(), |(known, _)| known) {
        Ok(at) => OURS[at].1,
        Err(_) => mime_guess::from_ext(&extension).first_raw().unwrap_or(UNKNOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> &'static str {
        guess(&path.parse().unwrap())
    }

    #[test]
    fn names_suggest_types() {
        assert_eq!(of("a/b.parquet"), "application/vnd.apache.parquet");
        assert_eq!(of("model.RDS"), "application/x-rds");
        assert_eq!(of("plot.svg"), "image/svg+xml");
        assert_eq!(of("report.csv"), "text/csv");
        assert_eq!(of("app.ts"), "text/x-typescript");
        assert_eq!(of("Makefile"), UNKNOWN);
        assert_eq!(of("x.unheard-of"), UNKNOWN);
    }

    #[test]
    fn the_list_is_sorted() {
        assert!(OURS.is_sorted_by_key(|(extension, _)| extension));
    }
}
