//! The proof that a device signed two changes for one place.
//!
//! Such a device splits everybody who builds on one change from everybody who builds on the
//! other, for ever. The proof holds by itself: anyone can check it and pass it on, nobody can
//! make one about an honest device. What follows (the device is cut at the last common change)
//! is not decided here.

use crate::cbor::{self, CborError, FieldError, Fields, Map, Value};
use crate::doc::envelope::{Envelope, EnvelopeError};
use crate::key::BadSignature;
use crate::limits::FORK_BYTES;

const VERSION: u64 = 1;

/// Two envelopes of one device for one place that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkProof {
    /// The one with the smaller hash, so that a proof has one form.
    a: Envelope,
    /// The other one.
    b: Envelope,
}

/// Why two envelopes, or bytes, prove nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForkError {
    /// The bytes are too many, or not canonical CBOR.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// A field is missing or wrong.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// One of the two is no envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// A version that this node does not know.
    #[error("fork proof version {0} instead of {VERSION}")]
    Version(u64),
    /// A field that version 1 does not have.
    #[error("unknown field `{0}` in a fork proof")]
    UnknownField(String),
    /// The two stand at different places, as honest changes do.
    #[error("the envelopes stand at different places")]
    Place,
    /// The two have one hash.
    #[error("the envelopes are the same")]
    Same,
    /// The two stand in the wrong order.
    #[error("the envelopes are not in the order of their hashes")]
    Order,
    /// One of the two was not signed by the device.
    #[error(transparent)]
    Signature(#[from] BadSignature),
}

impl ForkProof {
    /// Proves a fork with two envelopes, in either order.
    ///
    /// # Errors
    /// [`ForkError`] where they prove none: another place, one content, a bad signature.
    pub fn new(one: Envelope, other: Envelope) -> Result<ForkProof, ForkError> {
        let (a, b) = if one.hash() <= other.hash() { (one, other) } else { (other, one) };
        let proof = ForkProof { a, b };
        proof.verify()?;
        Ok(proof)
    }

    /// Returns the two envelopes, the one with the smaller hash first.
    pub fn envelopes(&self) -> [&Envelope; 2] {
        [&self.a, &self.b]
    }

    /// Returns the number that both envelopes have.
    pub fn n(&self) -> u64 {
        self.a.n
    }

    /// Returns the bytes that are stored and sent.
    pub fn encode(&self) -> Vec<u8> {
        let map = Map::new().with("v", VERSION);
        cbor::encode(&map.with("a", self.a.encode()).with("b", self.b.encode()).into())
    }

    /// Reads stored or sent bytes and verifies the proof.
    ///
    /// # Errors
    /// [`ForkError`] for anything but a proof that holds, in canonical form.
    pub fn decode(bytes: &[u8]) -> Result<ForkProof, ForkError> {
        let mut fields = Fields::new(cbor::decode_map(bytes, FORK_BYTES)?);
        let version = fields.required("v", Value::into_u64)?;
        if version != VERSION {
            return Err(ForkError::Version(version));
        }
        let a = Envelope::decode(&fields.required("a", Value::into_bytes)?)?;
        let b = Envelope::decode(&fields.required("b", Value::into_bytes)?)?;
        if let Some((key, _)) = fields.rest().iter().next() {
            return Err(ForkError::UnknownField(key.to_owned()));
        }
        let proof = ForkProof { a, b };
        proof.verify()?;
        Ok(proof)
    }

    /// Verifies what every constructor has verified, so that it cannot be skipped.
    fn verify(&self) -> Result<(), ForkError> {
        if !self.a.same_place(&self.b) {
            return Err(ForkError::Place);
        }
        match self.a.hash().cmp(&self.b.hash()) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => return Err(ForkError::Same),
            std::cmp::Ordering::Greater => return Err(ForkError::Order),
        }
        self.a.verify()?;
        self.b.verify()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::id::{DocumentId, Incarnation};
    use crate::key::SecretKey;

    fn envelope(n: u64, epoch: u32, change: &[u8], seed: u8) -> Envelope {
        let doc = DocumentId::from_bytes([1; 32]);
        let inc = Incarnation::from_bytes([2; 8]);
        Envelope::sign(doc, epoch, inc, n, change.to_vec(), &SecretKey::from_seed(&[seed; 32]))
    }

    #[test]
    fn a_fork_is_proved_and_has_one_form() {
        let (x, y) = (envelope(1, 0, b"x", 1), envelope(1, 0, b"y", 1));
        let proof = ForkProof::new(x.clone(), y.clone()).unwrap();
        assert_eq!(ForkProof::new(y, x), Ok(proof.clone()));
        assert_eq!(ForkProof::decode(&proof.encode()), Ok(proof.clone()));
        let swapped = ForkProof { a: proof.b.clone(), b: proof.a.clone() };
        assert_eq!(ForkProof::decode(&swapped.encode()), Err(ForkError::Order));
    }

    /// What version 1 writes for ever: the two envelopes, each as its own bytes.
    #[test]
    fn golden_bytes() {
        let (x, y) = (envelope(1, 0, b"x", 1), envelope(1, 0, b"y", 1));
        let proof = ForkProof::new(x, y).unwrap();
        let [a, b] = proof.envelopes().map(|e| data_encoding::HEXLOWER.encode(&e.encode()));
        let hex = format!("a3 6161 58bb {a} 6162 58bb {b} 6176 01").replace(' ', "");
        assert_eq!(data_encoding::HEXLOWER.encode(&proof.encode()), hex);
    }

    proptest! {
        #[test]
        fn decoding_is_total(bytes in vec(any::<u8>(), 0..300)) {
            let _ = ForkProof::decode(&bytes);
        }

        #[test]
        fn a_damaged_proof_is_none(at: prop::sample::Index, flip in 1u8..) {
            let proof = ForkProof::new(envelope(1, 0, b"x", 1), envelope(1, 0, b"y", 1)).unwrap();
            let mut bytes = proof.encode();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(ForkProof::decode(&bytes).is_err());
        }
    }

    #[test]
    fn honest_changes_prove_nothing() {
        let x = envelope(1, 0, b"x", 1);
        assert_eq!(ForkProof::new(x.clone(), x.clone()), Err(ForkError::Same));
        for other in [envelope(2, 0, b"y", 1), envelope(1, 1, b"y", 1), envelope(1, 0, b"y", 2)] {
            assert_eq!(ForkProof::new(x.clone(), other), Err(ForkError::Place));
        }
    }

    #[test]
    fn nobody_proves_a_fork_of_another_device() {
        let x = envelope(1, 0, b"x", 1);
        let mut forged = envelope(1, 0, b"y", 2);
        forged.device = x.device;
        assert_eq!(
            ForkProof::new(x.clone(), forged.clone()),
            Err(ForkError::Signature(BadSignature)),
        );
        let (a, b) = if x.hash() < forged.hash() { (x, forged) } else { (forged, x) };
        let bytes = ForkProof { a, b }.encode();
        assert_eq!(ForkProof::decode(&bytes), Err(ForkError::Signature(BadSignature)));
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let proof = ForkProof::new(envelope(1, 0, b"x", 1), envelope(1, 0, b"y", 1)).unwrap();
        let map = cbor::decode_map(&proof.encode(), usize::MAX).unwrap();
        let more = cbor::encode(&map.clone().with("x", 1u64).into());
        assert_eq!(ForkProof::decode(&more), Err(ForkError::UnknownField("x".to_owned())));
        let other = cbor::encode(&map.with("v", 2u64).into());
        assert_eq!(ForkProof::decode(&other), Err(ForkError::Version(2)));
    }
}
