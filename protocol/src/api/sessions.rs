//! Browsers that are logged in.

http! {
    /// A browser that is logged in: an item of `GET /sessions`.
    pub struct SessionInfo {
        /// The first 16 digits of the hash of its secret.
        pub id: String,
        /// What the browser said of itself as it logged in.
        pub browser: String,
        /// When it logged in, RFC 3339.
        pub created: String,
        /// When it is logged out if it is not used until then, RFC 3339.
        pub until: String,
        /// Whether it is the one that asks.
        pub this: bool,
    }
}
