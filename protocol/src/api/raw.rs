//! Bytes that a browser shows beside the pages, each at an address of its own.

http! {
    /// `POST /raw`: which bytes, and what a browser may do with them.
    pub struct NewRaw {
        /// A reference of an attachment.
        #[serde(rename = "ref")]
        pub reference: String,
        /// What they are shown as.
        #[serde(default, rename = "as")]
        pub kind: RawKind,
    }

    /// What a browser may do with bytes at an address of their own.
    #[derive(Copy, Eq, Default)]
    pub enum RawKind {
        /// Shows pictures, sound, video, PDF and text; saves the rest.
        #[default]
        Media,
        /// Shows a page of HTML, in which nothing runs.
        Still,
        /// Shows a page of HTML, and runs its scripts where they reach nothing.
        Scripts,
    }

    /// The answer of `POST /raw`.
    pub struct RawAddress {
        /// Where the bytes are: whole with the second port, else a path of this one. Good until
        /// nobody used it for an hour.
        pub url: String,
    }
}
