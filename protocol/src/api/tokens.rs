//! Tokens of programs: what a call shows as `Authorization: Bearer`.

http! {
    /// What a token permits; each includes those before it.
    #[derive(Copy, Eq, PartialOrd, Ord)]
    pub enum ScopeName {
        /// To read what is mine.
        Read,
        /// To push frames too.
        Push,
        /// Everything.
        Admin,
    }

    /// A token to be made: `POST /tokens`.
    pub struct NewToken {
        /// What it is for, in 1 to 256 bytes.
        pub name: String,
        /// What it permits; `push` when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub scope: Option<ScopeName>,
        /// A secret that a program holds already, of 32 to 256 visible ASCII characters; one is
        /// drawn when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub secret: Option<String>,
        /// Seconds until it ends; never when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub expires_seconds: Option<u64>,
    }

    /// A token that was made.
    pub struct TokenMade {
        /// The secret, shown this once: only its hash is kept.
        pub token: String,
        /// What is kept of it.
        pub info: TokenInfo,
    }

    /// A token: an item of `GET /tokens`.
    pub struct TokenInfo {
        /// The first 16 digits of the hash of its secret.
        pub id: String,
        /// What it is for.
        pub name: String,
        /// What it permits.
        pub scope: ScopeName,
        /// When it was made, RFC 3339.
        pub created: String,
        /// When it ends, RFC 3339; never when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub until: Option<String>,
    }
}

/// Returns the hash under which a daemon keeps a secret: BLAKE3 in key derivation mode.
///
/// A secret is long and random, so nothing slower is needed.
pub fn token_hash(secret: &str) -> [u8; 32] {
    blake3::derive_key("dsp/1/token", secret.as_bytes())
}

/// Returns the id of the token with a secret: who holds the secret finds the token in a list.
pub fn token_id(secret: &str) -> String {
    token_hash(secret)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}
