//! Keys and signatures: every signature has a domain, and verification is strict.
//!
//! A signature is ed25519 over `dsp/1/<kind>\0` and a BLAKE3 hash, so a signature of one kind can
//! never pass as another, nor as a TLS or noise handshake signed with the same device key.

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};

use crate::cbor::Value;
use crate::id::{DeviceId, PublicKey};

/// A signing key; erased from memory when dropped.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// Makes a key of 32 random bytes that the caller drew.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        SecretKey(SigningKey::from_bytes(seed))
    }

    /// Returns the 32 bytes of the seed, for a key file that only the user may read.
    pub fn to_seed(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.0.to_bytes())
    }

    /// Returns the public half.
    pub fn public(&self) -> PublicKey {
        PublicKey::from_bytes(self.0.verifying_key().to_bytes())
    }

    /// Returns the public half as the id of a device.
    pub fn device(&self) -> DeviceId {
        self.public().into()
    }

    /// Signs the hash of a message of one kind.
    pub fn sign(&self, kind: &str, hash: &blake3::Hash) -> Signature {
        Signature(self.0.sign(&message(kind, hash)).to_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({}..)", self.public().short())
    }
}

/// An ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Wraps raw bytes; whether they verify is another question.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Signature(bytes)
    }

    /// Returns the raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// Reads a signature out of a CBOR value.
    ///
    /// # Errors
    /// Says what came instead of 64 bytes.
    pub fn from_value(value: Value) -> Result<Self, String> {
        value.into_array().map(Signature)
    }
}

impl From<Signature> for Value {
    fn from(signature: Signature) -> Value {
        Value::Bytes(signature.0.to_vec())
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({}..)", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

/// The signature does not hold for this key, kind and message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signature does not verify")]
pub struct BadSignature;

impl PublicKey {
    /// Verifies a signature strictly: no small-order keys, no malleable encodings, so that two
    /// peers never judge differently.
    ///
    /// # Errors
    /// [`BadSignature`], also for a key that is no point on the curve.
    pub fn verify(
        &self,
        kind: &str,
        hash: &blake3::Hash,
        signature: &Signature,
    ) -> Result<(), BadSignature> {
        let key = VerifyingKey::from_bytes(self.as_bytes()).map_err(|_| BadSignature)?;
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        key.verify_strict(&message(kind, hash), &signature).map_err(|_| BadSignature)
    }
}

fn message(kind: &str, hash: &blake3::Hash) -> Vec<u8> {
    let mut message = Vec::with_capacity(7 + kind.len() + 32);
    message.extend_from_slice(b"dsp/1/");
    message.extend_from_slice(kind.as_bytes());
    message.push(0);
    message.extend_from_slice(hash.as_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_one_kind_key_and_message() {
        let key = SecretKey::from_seed(&[1; 32]);
        let hash = blake3::hash(b"hello");
        let signature = key.sign("head", &hash);
        assert_eq!(key.public().verify("head", &hash, &signature), Ok(()));
        assert_eq!(key.public().verify("tag", &hash, &signature), Err(BadSignature));
        assert_eq!(
            key.public().verify("head", &blake3::hash(b"hallo"), &signature),
            Err(BadSignature)
        );
        let other = SecretKey::from_seed(&[2; 32]);
        assert_eq!(other.public().verify("head", &hash, &signature), Err(BadSignature));
    }

    #[test]
    fn a_small_order_key_verifies_nothing() {
        let weak = PublicKey::from_bytes({
            let mut identity = [0; 32];
            identity[0] = 1;
            identity
        });
        let mut zero = [0; 64];
        zero[0] = 1;
        let hash = blake3::hash(b"anything");
        assert_eq!(weak.verify("head", &hash, &Signature::from_bytes(zero)), Err(BadSignature));
    }
}
