//! Bytes: taken in, brought and checked.

use crate::id::BlobHash;

http! {
    /// The result of `PUT /blobs`.
    pub struct BlobPut {
        /// The hash of the bytes.
        pub hash: BlobHash,
        /// How many.
        pub size: u64,
    }

    /// `POST /fetch`, `POST /verify`: what to bring or check; everything here when left out.
    pub struct RefRequest {
        /// A reference of a stack, a frame or an attachment.
        #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
        pub reference: Option<String>,
    }

    /// The result of `POST /fetch`.
    pub struct Fetched {
        /// Files that are here now.
        pub files: u64,
        /// Bytes brought.
        pub bytes: u64,
        /// Files that were here before.
        pub already_here: u64,
        /// Files nobody reachable had.
        pub missing: Vec<String>,
    }

    /// The result of `POST /verify`.
    pub struct Verified {
        /// Heads whose signatures and authority hold.
        pub heads: u64,
        /// Frames whose bytes match their ids.
        pub frames: u64,
        /// Blobs whose bytes match their hashes.
        pub blobs: u64,
        /// Bytes read.
        pub bytes: u64,
        /// Blobs that are not here, which is no fault.
        pub not_here: u64,
        /// What does not hold.
        pub faults: Vec<Fault>,
    }

    /// Something that does not hold.
    pub struct Fault {
        /// What: a path, a frame or a statement.
        pub what: String,
        /// Its id.
        pub id: String,
        /// Why.
        pub reason: String,
    }
}
