//! A temporary folder with the homes of some nodes.

use std::path::{Path, PathBuf};

use crate::node::Node;
use crate::programs;

/// The homes of some nodes; everything goes when it is dropped, after its nodes.
#[derive(Debug)]
pub struct Cluster {
    folder: tempfile::TempDir,
    programs: PathBuf,
}

impl Cluster {
    /// Makes an empty cluster.
    ///
    /// # Errors
    /// The programs are not built, or there is no place for temporary files.
    pub fn new() -> anyhow::Result<Self> {
        // The path of a socket has 107 bytes at most, so names are short.
        let folder = tempfile::Builder::new().prefix("dsp-").tempdir()?;
        Ok(Cluster { folder, programs: programs::folder()? })
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a node that is not started.
    pub fn node(&self, name: &str) -> Node {
        Node::new(name, self.path(), &self.programs)
    }

    /// Makes nodes and starts them.
    ///
    /// # Errors
    /// One does not start.
    pub async fn start<const N: usize>(&self, names: [&str; N]) -> anyhow::Result<[Node; N]> {
        let mut nodes = names.map(|name| self.node(name));
        for node in &mut nodes {
            node.start().await?;
        }
        Ok(nodes)
    }
}
