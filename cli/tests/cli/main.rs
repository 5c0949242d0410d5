//! What `dsp` does at the other end of its HTTP calls, against a daemon that only answers.
//!
//! Whether the answers are right is the matter of the stories with a real daemon; here stand
//! arguments, output, exit codes, and what is done to files.
#![cfg(unix)]

mod backup;
mod fake;
mod get;
mod json;
mod output;
mod profile;
mod progress;
mod pty;
mod push;
mod start;

use dsp_protocol::api::{FrameInfo, HeadInfo, StackInfo};
use dsp_protocol::id::{BlobHash, ContextId, DeviceId, FrameId, StackId, StatementId, UserId};

/// A stack with a head.
fn stack(name: &str) -> StackInfo {
    StackInfo {
        id: StackId::from_bytes([1; 16]),
        context: ContextId::from_bytes([2; 32]),
        user: UserId::from_bytes([3; 32]),
        reference: name.to_owned(),
        name: name.rsplit(':').next().unwrap().to_owned(),
        head: Some(head(7)),
        other_heads: Vec::new(),
        tags: Default::default(),
        removed: false,
    }
}

fn head(n: u8) -> HeadInfo {
    HeadInfo {
        statement: StatementId::from_bytes([n; 32]),
        frame: FrameId::from_bytes([n; 32]),
        generation: 1,
        device: DeviceId::from_bytes([5; 32]),
        time: "2026-11-16T09:30:00Z".to_owned(),
        clock_ahead: false,
        message: Some("week 46".to_owned()),
        files: Some(2),
        bytes: Some(41_000_000),
        bytes_here: Some(41_000_000),
        cover: None,
    }
}

/// A frame of that stack with files of these paths and bytes.
fn frame(stack: StackInfo, files: &[(&str, &[u8])]) -> FrameInfo {
    let files = files.iter().map(|(path, bytes)| dsp_protocol::api::FileInfo {
        path: (*path).to_owned(),
        hash: BlobHash::of(bytes),
        size: bytes.len() as u64,
        media: "text/plain".to_owned(),
        text: None,
        app: None,
        params: Default::default(),
        executable: false,
        here: true,
    });
    let files: Vec<_> = files.collect();
    FrameInfo {
        id: FrameId::from_bytes([7; 32]),
        reference: stack.reference.clone(),
        parents: Vec::new(),
        time: "2026-11-16T09:30:00Z".to_owned(),
        message: "week 46".to_owned(),
        params: Default::default(),
        widgets: Default::default(),
        metrics: Default::default(),
        tags: Vec::new(),
        files_total: files.len() as u64,
        bytes: files.iter().map(|file| file.size).sum(),
        bytes_here: files.iter().map(|file| file.size).sum(),
        files,
        inputs: Vec::new(),
        needs: Vec::new(),
        settings: serde_json::Map::new(),
        stack,
    }
}
