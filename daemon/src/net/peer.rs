//! A device id and a libp2p peer id are two spellings of one ed25519 key.

use dsp_protocol::id::DeviceId;
use libp2p::PeerId;
use libp2p::identity::{PublicKey, ed25519};

/// The multihash code and length that open the id of an ed25519 peer: the key stands in it whole.
const IDENTITY_MULTIHASH: [u8; 2] = [0x00, 0x24];

/// A device id that is no point on the curve, so that no peer can have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("device {0} is not an ed25519 key")]
pub struct NoPeerId(pub DeviceId);

/// A peer whose key is not ed25519, and which is therefore no device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("peer {0} has no ed25519 key")]
pub struct NotADevice(pub PeerId);

/// Returns the peer id of a device.
///
/// # Errors
/// [`NoPeerId`] for bytes that are no key.
pub fn peer_id(device: DeviceId) -> Result<PeerId, NoPeerId> {
    let key = ed25519::PublicKey::try_from_bytes(device.as_bytes());
    let key = key.map_err(|_| NoPeerId(device))?;
    Ok(PeerId::from_public_key(&PublicKey::from(key)))
}

/// Returns the device behind a peer id.
///
/// # Errors
/// [`NotADevice`] for a hashed key or a key of another kind.
pub fn device_id(peer: &PeerId) -> Result<DeviceId, NotADevice> {
    let bytes = peer.to_bytes();
    let key = bytes.strip_prefix(&IDENTITY_MULTIHASH).ok_or(NotADevice(*peer))?;
    let key = PublicKey::try_decode_protobuf(key).map_err(|_| NotADevice(*peer))?;
    let key = key.try_into_ed25519().map_err(|_| NotADevice(*peer))?;
    Ok(DeviceId::from_bytes(key.to_bytes()))
}

#[cfg(test)]
mod tests {
    use dsp_protocol::key::SecretKey;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_round_trip(seed: [u8; 32]) {
            let device = SecretKey::from_seed(&seed).device();
            prop_assert_eq!(device_id(&peer_id(device).unwrap()), Ok(device));
        }

        #[test]
        fn any_bytes_are_converted_or_refused(bytes: [u8; 32]) {
            let device = DeviceId::from_bytes(bytes);
            match peer_id(device) {
                Ok(peer) => prop_assert_eq!(device_id(&peer), Ok(device)),
                Err(error) => prop_assert_eq!(error, NoPeerId(device)),
            }
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_key() {
        let device = SecretKey::from_seed(&[7; 32]).device();
        let key = libp2p::identity::Keypair::ed25519_from_bytes([7; 32]).unwrap();
        assert_eq!(peer_id(device), Ok(key.public().to_peer_id()));
        assert_eq!(
            peer_id(device).unwrap().to_string(),
            "12D3KooWRawPbxPtP1eZaJpumGnyWX2DcUyd3RQnydr3eAto4Az7"
        );
    }

    #[test]
    fn a_hashed_key_is_no_device() {
        let mut hashed = vec![0x12, 0x20];
        hashed.extend([5; 32]);
        let peer = PeerId::from_bytes(&hashed).unwrap();
        assert_eq!(device_id(&peer), Err(NotADevice(peer)));
    }
}
