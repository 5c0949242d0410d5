//! Settings of the daemon.

http! {
    /// Settings that can be changed while running: `GET /settings`, `PATCH /settings`.
    pub struct Setting {
        /// Its name, such as `net.mdns`.
        pub name: String,
        /// Its value.
        pub value: String,
        /// Where it comes from: `default`, `file`, `env` or `flag`.
        pub source: String,
        /// What it does.
        pub about: String,
        /// Whether it takes effect only after a restart.
        pub restart: bool,
    }
}
