//! The envelope: a change that its device signed for one place in one document.
//!
//! An envelope is the canonical CBOR map `{v, doc, epoch, device, inc, n, change, sig}`. The
//! signature is made over the BLAKE3 of the same map without `sig`, in the domain `change`, so
//! that a change replayed into another document, epoch or place of its chain verifies nowhere.
//! It is checked before a byte of the change is parsed. Envelopes are what is stored and passed
//! on; an automerge document is a cache made of them.

use crate::cbor::{self, CborError, FieldError, Fields, Map, Value};
use crate::id::{DeviceId, DocumentId, Incarnation};
use crate::key::{BadSignature, SecretKey, Signature};
use crate::limits::{CHANGE_BYTES, ENVELOPE_BYTES};

/// The domain of an envelope's signature.
const DOMAIN: &str = "change";
/// The version of the format.
const VERSION: u64 = 1;

/// A signed change of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The document.
    pub doc: DocumentId,
    /// The epoch of the document: history never shrinks, so a document begins anew now and then.
    pub epoch: u32,
    /// The device that made the change and signs it.
    pub device: DeviceId,
    /// The incarnation of the device's database.
    pub inc: Incarnation,
    /// The number of the change among those of (document, epoch, device, incarnation), from 1.
    pub n: u64,
    /// Automerge's uncompressed chunk.
    pub change: Vec<u8>,
    /// The device's signature.
    pub sig: Signature,
}

/// Why bytes are not an envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The bytes are too many, or not canonical CBOR.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// A field is missing or wrong.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A version that this node does not know.
    #[error("envelope version {0} instead of {VERSION}")]
    Version(u64),
    /// A field that version 1 does not have: kept it would be unsigned, dropped it would change
    /// the hash.
    #[error("unknown field `{0}` in an envelope")]
    UnknownField(String),
}

impl Envelope {
    /// Signs `change` as the `n`-th of a device in a document.
    pub fn sign(
        doc: DocumentId,
        epoch: u32,
        inc: Incarnation,
        n: u64,
        change: Vec<u8>,
        key: &SecretKey,
    ) -> Envelope {
        let sig = Signature::from_bytes([0; 64]);
        let mut envelope = Envelope { doc, epoch, device: key.device(), inc, n, change, sig };
        envelope.sig = key.sign(DOMAIN, &envelope.signed());
        envelope
    }

    /// Returns the bytes that are stored and sent.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(&self.body().with("sig", self.sig).into())
    }

    /// Reads stored or sent bytes. The signature is not verified yet.
    ///
    /// # Errors
    /// [`EnvelopeError`] for anything but the canonical form, within the limits.
    pub fn decode(bytes: &[u8]) -> Result<Envelope, EnvelopeError> {
        let mut fields = Fields::new(cbor::decode_map(bytes, ENVELOPE_BYTES)?);
        let version = fields.required("v", Value::into_u64)?;
        if version != VERSION {
            return Err(EnvelopeError::Version(version));
        }
        let envelope = Envelope {
            doc: fields.required("doc", DocumentId::from_value)?,
            epoch: fields.required("epoch", into_epoch)?,
            device: fields.required("device", DeviceId::from_value)?,
            inc: fields.required("inc", Incarnation::from_value)?,
            n: fields.required("n", into_number)?,
            change: fields.required("change", into_change)?,
            sig: fields.required("sig", Signature::from_value)?,
        };
        match fields.rest().iter().next() {
            Some((key, _)) => Err(EnvelopeError::UnknownField(key.to_owned())),
            None => Ok(envelope),
        }
    }

    /// Verifies the signature of the device over everything else.
    ///
    /// # Errors
    /// [`BadSignature`] where it does not hold.
    pub fn verify(&self) -> Result<(), BadSignature> {
        crate::id::PublicKey::from(self.device).verify(DOMAIN, &self.signed(), &self.sig)
    }

    /// Returns the BLAKE3 of what is signed: two signatures over one content have one hash.
    pub fn hash(&self) -> [u8; 32] {
        *self.signed().as_bytes()
    }

    /// Tells whether two envelopes claim the same place: document, epoch, device, incarnation
    /// and number.
    pub fn same_place(&self, other: &Envelope) -> bool {
        (self.doc, self.epoch, self.device, self.inc, self.n)
            == (other.doc, other.epoch, other.device, other.inc, other.n)
    }

    fn signed(&self) -> blake3::Hash {
        blake3::hash(&cbor::encode(&self.body().into()))
    }

    fn body(&self) -> Map {
        Map::new()
            .with("v", VERSION)
            .with("doc", self.doc)
            .with("epoch", self.epoch)
            .with("device", self.device)
            .with("inc", self.inc)
            .with("n", self.n)
            .with("change", self.change.as_slice())
    }
}

fn into_epoch(value: Value) -> Result<u32, String> {
    let epoch = value.into_u64()?;
    u32::try_from(epoch).map_err(|_| format!("{epoch} is out of range"))
}

fn into_number(value: Value) -> Result<u64, String> {
    match value.into_u64()? {
        0 => Err("numbers begin with 1".to_owned()),
        n => Ok(n),
    }
}

fn into_change(value: Value) -> Result<Vec<u8>, String> {
    let change = value.into_bytes()?;
    if change.len() > CHANGE_BYTES {
        return Err(format!("{} bytes exceed the limit of {CHANGE_BYTES}", change.len()));
    }
    Ok(change)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Envelope {
        let key = SecretKey::from_seed(&[7; 32]);
        let doc = DocumentId::from_bytes([1; 32]);
        Envelope::sign(doc, 2, Incarnation::from_bytes([3; 8]), 4, b"change".to_vec(), &key)
    }

    #[test]
    fn decode_inverts_encode_and_the_signature_holds() {
        let envelope = sample();
        assert_eq!(Envelope::decode(&envelope.encode()), Ok(envelope.clone()));
        assert_eq!(envelope.verify(), Ok(()));
    }

    #[test]
    fn golden_bytes() {
        let envelope = sample();
        let hex = data_encoding::HEXLOWER.encode(&envelope.encode());
        let hash = data_encoding::HEXLOWER.encode(&envelope.hash());
        assert_eq!((hex.as_str(), hash.as_str()), GOLDEN);
    }

    proptest! {
        #[test]
        fn decoding_is_total(bytes in vec(any::<u8>(), 0..300)) {
            let _ = Envelope::decode(&bytes);
        }

        #[test]
        fn a_damaged_envelope_is_none_or_not_signed(at: prop::sample::Index, flip in 1u8..) {
            let mut bytes = sample().encode();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(!Envelope::decode(&bytes).is_ok_and(|e| e.verify().is_ok()));
        }
    }

    /// The bytes and the hash of the sample; version 1 never changes them.
    const GOLDEN: (&str, &str) = (
        "a8\
         616e04\
         617601\
         63646f635821\
         1e0101010101010101010101010101010101010101010101010101010101010101\
         63696e63480303030303030303\
         637369675840\
         cc4463283acb2cf7ea17ecbe25726adfdc132e86f9ad3beb390a59c6732523073\
         c634ada9a25d59a3eceb26802d1ff8489c47300b048bae5b19da30d62104306\
         6565706f636802\
         666368616e6765466368616e6765\
         666465766963655821\
         01ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c",
        "d7acc785be2347c522c4bd4d74d5f26c27843e06cf19acb180345e410a4f52cc",
    );

    /// Each field that is signed, changed by itself.
    #[test]
    fn the_signature_holds_for_one_place_only() {
        type Change = fn(&mut Envelope);
        let moves: [(&str, Change); 6] = [
            ("document", |e| e.doc = DocumentId::from_bytes([9; 32])),
            ("epoch", |e| e.epoch += 1),
            ("device", |e| e.device = SecretKey::from_seed(&[8; 32]).device()),
            ("incarnation", |e| e.inc = Incarnation::from_bytes([9; 8])),
            ("number", |e| e.n += 1),
            ("change", |e| e.change[0] ^= 1),
        ];
        for (field, change) in moves {
            let mut envelope = sample();
            change(&mut envelope);
            assert_eq!(envelope.verify(), Err(BadSignature), "{field}");
        }
    }

    #[test]
    fn a_signature_of_another_kind_is_no_envelope_signature() {
        let mut envelope = sample();
        let key = SecretKey::from_seed(&[7; 32]);
        envelope.sig = key.sign("head", &blake3::Hash::from_bytes(envelope.hash()));
        assert_eq!(envelope.verify(), Err(BadSignature));
    }

    #[test]
    fn only_the_canonical_form_is_taken() {
        let envelope = sample();
        let bytes = envelope.encode();
        let map = cbor::decode_map(&bytes, usize::MAX).unwrap();
        // The same map with `v` written as two bytes instead of one.
        let at = bytes.windows(3).position(|w| w == b"av\x01").unwrap();
        let mut long = bytes.clone();
        long.splice(at + 2..at + 3, [0x18, 0x01]);
        assert_eq!(Envelope::decode(&long), Err(EnvelopeError::Cbor(CborError::NotCanonical)),);
        let more = cbor::encode(&map.clone().with("x", 1u64).into());
        assert_eq!(Envelope::decode(&more), Err(EnvelopeError::UnknownField("x".to_owned())));
        let other = cbor::encode(&map.clone().with("v", 2u64).into());
        assert_eq!(Envelope::decode(&other), Err(EnvelopeError::Version(2)));
        let zero = cbor::encode(&map.clone().with("n", 0u64).into());
        assert!(matches!(Envelope::decode(&zero), Err(EnvelopeError::Field(_))));
        let wide = cbor::encode(&map.with("epoch", 1u64 << 32).into());
        assert!(matches!(Envelope::decode(&wide), Err(EnvelopeError::Field(_))));
        let mut tail = bytes;
        tail.push(0);
        assert_eq!(Envelope::decode(&tail), Err(EnvelopeError::Cbor(CborError::Trailing(1))));
    }

    #[test]
    fn a_change_has_a_bound() {
        let mut envelope = sample();
        envelope.change = vec![0; CHANGE_BYTES];
        assert!(Envelope::decode(&envelope.encode()).is_ok());
        envelope.change.push(0);
        assert!(matches!(Envelope::decode(&envelope.encode()), Err(EnvelopeError::Field(_))));
    }

    #[test]
    fn every_truncation_is_refused() {
        let bytes = sample().encode();
        for len in 0..bytes.len() {
            assert!(Envelope::decode(&bytes[..len]).is_err(), "{len}");
        }
    }
}
