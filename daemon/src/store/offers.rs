//! The bytes of an offer.
//!
//! CBOR `{from: user, offer: {genesis, gen, interest, name}, since: int, declined: bool}`; `offer` is
//! as it is sent.

use dsp_protocol::cbor::{self, CborError, FieldError, Fields, Map, Value};
use dsp_protocol::id::UserId;
use dsp_protocol::sync::StoredOffer;
use dsp_protocol::wire::Offer;

/// Most bytes of an offer: a genesis, a key and a name, with room.
const OFFER_BYTES: usize = 2048;

/// Why bytes are no offer.
#[derive(Debug, thiserror::Error)]
pub(super) enum OfferError {
    #[error(transparent)]
    Cbor(#[from] CborError),
    #[error(transparent)]
    Field(#[from] FieldError),
}

pub(super) fn encode(offer: &StoredOffer) -> Vec<u8> {
    let map = Map::new()
        .with("from", offer.from)
        .with("offer", offer.offer.to_value())
        .with("since", offer.since)
        .with("declined", offer.declined);
    cbor::encode(&Value::Map(map))
}

pub(super) fn decode(bytes: &[u8]) -> Result<StoredOffer, OfferError> {
    let mut fields = Fields::new(cbor::decode_map(bytes, OFFER_BYTES)?);
    Ok(StoredOffer {
        from: fields.required("from", UserId::from_value)?,
        offer: fields.required("offer", Offer::from_value)?,
        since: fields.required("since", Value::into_i64)?,
        declined: fields.required("declined", Value::into_bool)?,
    })
}
